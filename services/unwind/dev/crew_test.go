//go:build unix

package dev_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

func itoa(n int) string { return strconv.Itoa(n) }

func submit(t *testing.T, crew *dev.Crew, id string) {
	t.Helper()
	if _, err := client.Submit(soon(t), crew.Log(), "trip", id, []byte(`{}`), "shop"); err != nil {
		t.Fatal(err)
	}
}

func completes(t *testing.T, crew *dev.Crew, id string) *saga.State {
	t.Helper()
	s, err := client.Wait(soon(t), crew.Log(), "trip", id)
	if err != nil {
		t.Fatal(err)
	}
	if s.Status() != saga.Completed {
		t.Fatalf("saga %s is %s", id, s.Status())
	}
	return s
}

func pids(crew *dev.Crew) (list []int) {
	for _, p := range crew.Processes() {
		list = append(list, p.PID)
	}
	return list
}

func TestCrewCarriesSagas(t *testing.T) {
	folder := t.TempDir()
	crew, output := start(t, dev.Config{FirstDelay: 20 * time.Millisecond},
		agent(t, folder, "seat", ""), agent(t, folder, "card", "after: [seat]\nfinal: true\n"))
	if err := crew.Ready(soon(t)); err != nil {
		t.Fatal(err)
	}
	submit(t, crew, "1")
	completes(t, crew, "1")

	before := pids(crew)
	if err := crew.Kill("seat"); err != nil {
		t.Fatal(err)
	}
	if alive(before[0]) {
		t.Error("the process that was killed is still there")
	}
	if err := crew.Ready(soon(t)); err != nil {
		t.Fatal(err)
	}
	submit(t, crew, "2")
	completes(t, crew, "2")
	after := crew.Processes()
	if after[0].PID == before[0] || after[0].Deaths != 1 || after[1].PID != before[1] || after[1].Deaths != 0 {
		t.Errorf("processes %v became %+v", before, after)
	}
	if n := strings.Count(output.String(), "seat ● died (signal: killed), again in 20ms"); n != 1 {
		t.Errorf("its death was said %d times", n)
	}

	last := pids(crew)
	crew.Stop()
	crew.Stop()
	for _, pid := range last {
		if alive(pid) {
			t.Errorf("process %d is left behind", pid)
		}
	}
}

func TestParkAndUnpark(t *testing.T) {
	folder := t.TempDir()
	crew, _ := start(t, dev.Config{},
		agent(t, folder, "seat", ""), agent(t, folder, "card", "after: [seat]\nfinal: true\n"))
	if err := crew.Ready(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := crew.Park("card"); err != nil {
		t.Fatal(err)
	}
	if p := crew.Processes()[1]; p.PID != 0 || !p.Parked {
		t.Errorf("card is %+v, want it parked", p)
	}
	if err := crew.Ready(soon(t)); err != nil {
		t.Errorf("a parked agent stands in the way: %v", err)
	}
	submit(t, crew, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if s, err := client.Wait(ctx, crew.Log(), "trip", "1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without card the saga came to %+v, %v", s, err)
	}
	if err := crew.Ready(ctx, "card"); err == nil || !strings.Contains(err.Error(), "wait until card listen") {
		t.Errorf("Ready of a parked agent: %v", err)
	}
	if err := crew.Unpark("card"); err != nil {
		t.Fatal(err)
	}
	completes(t, crew, "1")
	if err := crew.Ready(soon(t), "card"); err != nil {
		t.Error(err)
	}
}

// A process that is killed in the middle of its work is started again and takes
// its own work over.
func TestKilledInTheMiddle(t *testing.T) {
	folder := t.TempDir()
	crew, _ := start(t, dev.Config{FirstDelay: 10 * time.Millisecond},
		agent(t, folder, "seat", "final: true\nlease: 1s\nsettings: {wait_for: go}\n"))
	if err := crew.Ready(soon(t)); err != nil {
		t.Fatal(err)
	}
	submit(t, crew, "1")
	eventually(t, "seat is at work", func() bool {
		s, _, err := client.Load(soon(t), crew.Log(), "trip", "1", 0)
		return err == nil && s.Step("seat") != nil
	})
	if err := crew.Kill("seat"); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "seat", "go"), "")
	if s := completes(t, crew, "1"); len(s.Step("seat").Attempts) != 2 {
		t.Errorf("it took %d attempts, want 2", len(s.Step("seat").Attempts))
	}
}

func TestReplicas(t *testing.T) {
	folder := t.TempDir()
	seat := agent(t, folder, "seat", "final: true\n")
	card := agent(t, folder, "card", "after: [seat]\n")
	card.Replicas = 1
	crew, output := start(t, dev.Config{Replicas: 3}, seat, card)
	if err := crew.Ready(soon(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(crew.Processes()); n != 4 {
		t.Errorf("%d processes, want 4", n)
	}
	eventuallySays(t, output, "seat#3 │ ")
	eventuallySays(t, output, "card   │ ")
	before := pids(crew)
	if err := crew.Park("seat#2"); err != nil {
		t.Fatal(err)
	}
	after := pids(crew)
	if want := []int{before[0], 0, before[2], before[3]}; !slices.Equal(after, want) {
		t.Errorf("after seat#2 was parked the processes are %v, want %v", after, want)
	}
	err := crew.Kill("sear")
	if err == nil || !strings.Contains(err.Error(), "hint: there are seat, card") {
		t.Errorf("Kill of nobody: %v", err)
	}
}

// The broker of another program serves as well.
func TestCrewOnAnotherBroker(t *testing.T) {
	folder := t.TempDir()
	host, _ := start(t, dev.Config{})
	crew, _ := start(t, dev.Config{URL: host.URL()}, agent(t, folder, "seat", "final: true\n"))
	if crew.URL() != host.URL() {
		t.Errorf("it is at %s, want %s", crew.URL(), host.URL())
	}
	submit(t, crew, "1")
	completes(t, host, "1")
}

// Whoever begins with a folder, a program and an agent.yaml has no module yet.
func TestProgramWithoutAModule(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "agent.yaml"), "agent: seat\nsaga: trip\nfinal: true\ncompensation_handler: none\n")
	write(t, filepath.Join(folder, "main.go"), "package main\n\nfunc main() {}\n")
	cast, err := dev.Find(folder)
	if err != nil || cast.ToBuild() != 1 {
		t.Fatalf("%d programs to build, %v", cast.ToBuild(), err)
	}
	_, err = dev.Build(t.Context(), t.TempDir(), cast.Programs)
	if err == nil || !strings.Contains(err.Error(), "hint: in a clone of Unwind, say `go mod init") {
		t.Errorf("Build without a module: %v", err)
	}
}

// What was written is there when a crew comes back, and the same store has one
// crew at a time.
func TestStore(t *testing.T) {
	store, folder := filepath.Join(t.TempDir(), "a", "store"), t.TempDir()
	seat := agent(t, folder, "seat", "final: true\n")
	first, _ := start(t, dev.Config{Store: store, SyncAlways: true})
	if err := first.Log().Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	submit(t, first, "1")
	_, err := dev.Start(t.Context(), dev.Config{Store: store}, nil)
	if err == nil || !strings.Contains(err.Error(), "in use by") {
		t.Errorf("a second crew on the store: %v", err)
	}
	first.Stop()
	second, _ := start(t, dev.Config{Store: store}, seat)
	completes(t, second, "1")
}

func TestStartIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		program dev.Program
		says    string
	}{
		"no program": {
			dev.Program{Config: shell(t, "seat", "").Config, File: filepath.Join(t.TempDir(), "agent.yaml")},
			"hint: give the agent a command",
		},
		"no such type": {shell(t, "seat", ""), "saga type"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no program" {
				c.program.Config.Command = nil
			} else {
				c.program.Config.Saga = "No Type"
			}
			crew, err := dev.Start(t.Context(), dev.Config{Store: t.TempDir()}, []dev.Program{c.program})
			if err == nil {
				crew.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Start: %v, want %q in it", err, c.says)
			}
		})
	}
}

func ExampleStart() {
	ctx := context.Background()
	cast, err := dev.Find("services/kyc")
	if err != nil {
		fmt.Println(err)
		return
	}
	crew, err := dev.Start(ctx, dev.Config{}, cast.Programs)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer crew.Stop()
	if err := crew.Ready(ctx); err != nil {
		fmt.Println(err)
		return
	}
	_ = crew.Kill("face-matching") // as a crash would
}
