//go:build unix

package dev_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/services/unwind/dev"
)

func TestFind(t *testing.T) {
	folder := t.TempDir()
	at := func(path string) string { return filepath.Join(folder, path) }
	write(t, at("seat/agent.yaml"), "agent: seat\nsaga: trip\ncompensation_handler: none\n")
	write(t, at("pay/card.agent.yaml"), "agent: card\nsaga: trip\nafter: [seat]\nfinal: true\ncompensation_handler: none\n")
	write(t, at("pay/other.yaml"), "not: ours\n")
	for _, hidden := range []string{".git", "node_modules", "vendor", "testdata"} {
		write(t, at(hidden+"/agent.yaml"), "agent: hidden\nsaga: trip\n")
	}
	cast, err := dev.Find(folder, at("seat"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{at("pay/card.agent.yaml"), at("seat/agent.yaml")}; !slices.Equal(cast.Files, want) {
		t.Errorf("found %v, want %v", cast.Files, want)
	}
	if cast.Errors() || !slices.Equal(cast.Types(), []string{"trip"}) || len(cast.Programs) != 2 {
		t.Errorf("found %+v", cast)
	}
	if cast, err := dev.Find(at("testdata")); err != nil || len(cast.Files) != 1 {
		t.Errorf("a folder that is named is looked into: %v, %v", cast.Files, err)
	}
}

func TestFindTellsWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	at := func(path string) string { return filepath.Join(folder, path) }
	if _, err := dev.Find(folder); err == nil || !strings.Contains(err.Error(), "there is no agent.yaml\nhint: ") {
		t.Errorf("Find of nothing: %v", err)
	}
	if _, err := dev.Find(at("nowhere")); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("Find nowhere: %v", err)
	}
	write(t, at("card/agent.yaml"), "agent: card\nsaga: trip\nafter: [seat]\nfinal: true\n")
	cast, err := dev.Find(folder)
	if err != nil || !cast.Errors() || len(cast.Findings) == 0 {
		t.Errorf("a step that follows nobody: %+v, %v", cast.Findings, err)
	}
	write(t, at("seat/agent.yaml"), "agent: seat\nsage: trip\n")
	cast, err = dev.Find(folder)
	if err != nil || !cast.Errors() || len(cast.Mistakes) == 0 || len(cast.Findings) > 0 || len(cast.Programs) != 1 {
		t.Errorf("a mistake in one file: %+v, %v", cast, err)
	}
}
