//go:build unix

package dev_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/dev"
)

// Its own children go down with a process, killed or stopped.
func TestNoOrphans(t *testing.T) {
	file := filepath.Join(t.TempDir(), "child")
	child := func() (pid int) {
		eventually(t, "it has a child", func() bool {
			text, err := os.ReadFile(file)
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
			return err == nil && pid > 0
		})
		_ = os.Remove(file)
		return pid
	}
	crew, _ := start(t, dev.Config{FirstDelay: time.Millisecond}, shell(t, "seat", "sleep 1000 & echo $! > "+file+"; wait"))
	first := child()
	if err := crew.Kill("seat"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first child is gone", func() bool { return !alive(first) })
	second := child()
	began := time.Now()
	crew.Stop()
	eventually(t, "the second child is gone", func() bool { return !alive(second) })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

// A child that outlives its parent's crash is ended too, although it holds the
// output open.
func TestNoOrphansOfACrash(t *testing.T) {
	crew, output := start(t, dev.Config{FirstDelay: time.Hour}, shell(t, "seat", "sleep 1000 & echo child $!; exit 3"))
	eventuallySays(t, output, "seat ● died (exit status 3), again in 1h00m")
	_, rest, _ := strings.Cut(output.String(), "child ")
	pid, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child is gone", func() bool { return !alive(pid) })
	if p := crew.Processes()[0]; p.PID != 0 || p.Deaths != 1 {
		t.Errorf("the process is %+v", p)
	}
}

func TestDelayGrows(t *testing.T) {
	_, output := start(t, dev.Config{FirstDelay: 10 * time.Millisecond, MostDelay: 30 * time.Millisecond}, shell(t, "seat", "exit 3"))
	eventually(t, "five deaths", func() bool { return strings.Count(output.String(), "died") >= 5 })
	var delays []string
	for line := range strings.SplitSeq(output.String(), "\n") {
		if _, delay, ok := strings.Cut(line, "again in "); ok {
			delays = append(delays, delay)
		}
	}
	if got := strings.Join(delays[:5], " "); got != "10ms 20ms 30ms 30ms 30ms" {
		t.Errorf("the delays are %s", got)
	}
}

// Who does not hear SIGTERM gets SIGKILL after the grace.
func TestStubborn(t *testing.T) {
	crew, output := start(t, dev.Config{Grace: 200 * time.Millisecond},
		shell(t, "seat", `trap "" TERM; echo ready; while :; do sleep 0.05; done`))
	eventuallySays(t, output, "seat │ ready")
	pid := crew.Processes()[0].PID
	began := time.Now()
	crew.Stop()
	if took := time.Since(began); took < 200*time.Millisecond || took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if alive(pid) {
		t.Error("it is still there")
	}
}

// Who does hear it may finish what it has to say.
func TestPolite(t *testing.T) {
	crew, output := start(t, dev.Config{}, shell(t, "seat", `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`))
	eventuallySays(t, output, "seat │ ready")
	crew.Stop()
	if !strings.Contains(output.String(), "seat │ bye") {
		t.Errorf("its last words are lost: %s", output)
	}
	if strings.Contains(output.String(), "died") {
		t.Errorf("to be stopped is no death: %s", output)
	}
}

func TestEnvironmentAndFolder(t *testing.T) {
	p := shell(t, "seat", `echo "$NATS_URL|$A|$B|$(pwd)"; sleep 1000`)
	p.Env = []string{"B=program"}
	crew, output := start(t, dev.Config{Env: []string{"A=crew", "B=crew"}}, p)
	folder, err := filepath.EvalSymlinks(filepath.Dir(p.File))
	if err != nil {
		t.Fatal(err)
	}
	eventuallySays(t, output, crew.URL()+"|crew|program|"+folder)
}

func TestQuiet(t *testing.T) {
	_, output := start(t, dev.Config{Quiet: true, FirstDelay: time.Millisecond}, shell(t, "seat", `echo noise; exit 1`))
	eventuallySays(t, output, "died")
	if strings.Contains(output.String(), "noise") {
		t.Errorf("it is not quiet: %s", output)
	}
}

func TestCannotBegin(t *testing.T) {
	p := shell(t, "seat", "")
	p.Config.Command = []string{"./nothing-here"}
	_, output := start(t, dev.Config{FirstDelay: time.Millisecond}, p)
	eventuallySays(t, output, "seat ● died (fork/exec "+filepath.Join(filepath.Dir(p.File), "nothing-here")+": no such file or directory), again in 1ms")
}

// A Go program is built, and told where its file is.
func TestBuild(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "go.mod"), "module example.com/agent\n")
	write(t, filepath.Join(folder, "main.go"), `package main

import ("fmt"; "os"; "time")

func main() { fmt.Println(os.Args[1:]); time.Sleep(time.Hour) }
`)
	t.Setenv("GOWORK", "off")
	p := shell(t, "seat", "")
	p.Config.Command, p.File = nil, filepath.Join(folder, "agent.yaml")
	twin := p
	twin.Config.Agent, twin.File = "card", filepath.Join(folder, "card.agent.yaml")
	store := t.TempDir()
	_, output := start(t, dev.Config{Store: store}, p, twin)
	eventuallySays(t, output, "seat │ [--config "+p.File+"]")
	eventuallySays(t, output, "card │ [--config "+twin.File+"]")
	if built, _ := filepath.Glob(filepath.Join(store, "bin", "*")); len(built) != 1 {
		t.Errorf("built %v, want one program for both", built)
	}

	write(t, filepath.Join(folder, "main.go"), "package main\n\nfunc main() { nonsense }\n")
	_, err := dev.Start(t.Context(), dev.Config{Store: t.TempDir()}, []dev.Program{p})
	if err == nil || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("Start of what does not compile: %v", err)
	}
}
