package dev

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/unwind-saga/unwind/saga/config"
)

// A command that begins with unwind is this very tool, if it is known; one that
// is a path is looked for beside its file.
func TestCommandOfAProgram(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		unwind  string
		command []string
		want    string
	}{
		{"/opt/unwind-next", []string{"unwind", "operator", "--config", "agent.yaml"}, "/opt/unwind-next"},
		{"", []string{"unwind", "operator", "--config", "agent.yaml"}, "unwind"},
		{"/opt/unwind-next", []string{"./unwind", "operator", "--config", "agent.yaml"}, filepath.Join(folder, "unwind")},
		{"/opt/unwind-next", []string{"agent", "operator", "--config", "agent.yaml"}, "agent"},
	} {
		b := builder{unwind: c.unwind}
		given := slices.Clone(c.command)
		got, err := b.command(t.Context(), Program{Config: config.Config{Command: c.command}, File: filepath.Join(folder, "agent.yaml")})
		if err != nil || got[0] != c.want || !slices.Equal(got[1:], given[1:]) || !slices.Equal(c.command, given) {
			t.Errorf("%q with the tool at %q becomes %q, %v, want %s", given, c.unwind, got, err, c.want)
		}
	}
}
