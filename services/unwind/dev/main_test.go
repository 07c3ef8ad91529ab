//go:build unix

package dev_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/internal/testagent"
)

// asAgent makes this test's own program an agent.
const asAgent = "UNWIND_TEST_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		testagent.Main()
		return
	}
	brokertest.Main(m)
}

// agent writes an agent.yaml and makes it a program that this test's program
// performs.
func agent(t *testing.T, folder, name, yaml string) dev.Program {
	t.Helper()
	file := filepath.Join(folder, name, "agent.yaml")
	write(t, file, "agent: "+name+"\nsaga: trip\ncompensation_handler: undo\n"+yaml)
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if file, err = filepath.Abs(file); err != nil {
		t.Fatal(err)
	}
	cfg.Command = []string{self, file}
	return dev.Program{Config: cfg, File: file, Env: []string{asAgent + "=1"}}
}

// shell makes a program of a shell's script, which is no agent.
func shell(t *testing.T, name, script string) dev.Program {
	t.Helper()
	return dev.Program{
		Config: config.Config{Agent: name, Saga: "trip", Command: []string{"sh", "-c", script}},
		File:   filepath.Join(t.TempDir(), "agent.yaml"),
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A tape keeps what was printed.
type tape struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *tape) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *tape) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// start starts a crew that ends with the test.
func start(t *testing.T, c dev.Config, programs ...dev.Program) (*dev.Crew, *tape) {
	t.Helper()
	output := &tape{}
	c.Output = output
	if c.Store == "" {
		c.Store = t.TempDir()
	}
	crew, err := dev.Start(t.Context(), c, programs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		crew.Stop()
		if t.Failed() {
			t.Logf("the agents printed\n%s", output)
		}
	})
	return crew, output
}

// soon bounds what must happen.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

func eventuallySays(t *testing.T, p *tape, text string) {
	t.Helper()
	eventually(t, "the output has "+text, func() bool { return strings.Contains(p.String(), text) })
}

// alive reports whether a process is there and is no zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
