package roster_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/roster"
)

var (
	update = os.Getenv("UPDATE") != ""
	now    = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s\nhint: UPDATE=1 go test writes it anew", name, got, want)
	}
}

func declared(t *testing.T, c config.Config) json.RawMessage {
	t.Helper()
	text, err := c.Declared()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// fleet has an agent that works hard in two versions, one that is gone, one in
// another language, and one that says nonsense.
func fleet(t *testing.T) []roster.Agent {
	schema, err := config.NewSchema("s", []byte(`{"type":"object"}`))
	if err != nil {
		t.Fatal(err)
	}
	face := config.Config{
		Agent: "face-matching", Saga: "kyc", After: []string{"id-extraction"}, FallbackAgents: []string{"face-matching-lite"},
		CompensationHandler: "forget", RateLimit: &config.RateLimit{Requests: 5}, CircuitBreaker: &config.CircuitBreaker{}, ResultSchema: schema,
	}
	is := func(agent, name, version string, up time.Duration, v events.Vitals, said json.RawMessage) events.Instance {
		return events.Instance{Type: "kyc", Step: agent, Agent: agent, Name: name, Version: version, Started: now.Add(-up), Vitals: v, Declared: said}
	}
	old := face
	old.CompensationHandler = "none"
	instances := []events.Instance{
		is("face-matching", "face-matching@1", "v1.3.0", 50*time.Hour, events.Vitals{Working: 2, Performed: 812, Failed: 9, Retried: 7, Handed: 2, Undone: 31, UndoFails: 1}, declared(t, old)),
		is("face-matching", "face-matching@2", "v1.4.0", 5*time.Minute, events.Vitals{Working: 1, Performed: 12, Pending: 3}, declared(t, face)),
		is("risk-scoring", "risk@1", "devel", time.Minute, events.Vitals{}, json.RawMessage(`{"agent":"somebody-else","saga":"kyc"}`)),
		{Type: "other", Step: "face-matching", Agent: "face-matching", Name: "x"},
	}
	of := func(agent, step string, after ...string) events.Backlog {
		b := events.Backlog{Consumer: agent + "_forward", Agent: agent, Purpose: events.ForForward, Listens: true, Last: now.Add(-4 * time.Minute)}
		b.Filters = append(b.Filters, events.Subject{Type: "kyc", Kind: events.Fallback, Step: step, Agent: agent}.Filter())
		for _, s := range after {
			b.Filters = append(b.Filters, events.Subject{Type: "kyc", Kind: events.Completed, Step: s}.Filter(), events.Subject{Type: "kyc", Kind: events.Skipped, Step: s}.Filter())
		}
		return b
	}
	busy := of("face-matching", "face-matching", "id-extraction")
	busy.Waiting, busy.Held, busy.Oldest = 120, 16, now.Add(-90*time.Second)
	gone := of("face-matching-lite", "face-matching")
	gone.Listens = false
	never := of("notification", "notification", "risk-scoring")
	never.Listens, never.Last = false, time.Time{}
	return roster.Of("kyc", instances, []events.Backlog{
		busy, gone, never,
		{Consumer: "face-matching_compensate", Agent: "face-matching", Purpose: events.ForCompensate, Listens: true, Filters: []string{"saga.kyc.face-matching.compensate-face-matching.*"}},
		{Consumer: "kyc_face-matching", Agent: "face-matching", Purpose: events.ForTimers, Filters: []string{"timer.due.kyc.face-matching.*.*"}},
		of("screening-py", "screening", "risk-scoring", "id-extraction"),
		{Consumer: "_unwinding", Purpose: events.ForLatch},
	})
}

func TestGoldens(t *testing.T) {
	all := fleet(t)
	for name, tell := range map[string]func(b *bytes.Buffer) error{
		"list.txt":   func(b *bytes.Buffer) error { return roster.List(b, all, now, roster.Options{}) },
		"narrow.txt": func(b *bytes.Buffer) error { return roster.List(b, all, now, roster.Options{Columns: 80}) },
		"list.json": func(b *bytes.Buffer) error {
			e := json.NewEncoder(b)
			for _, a := range all {
				if err := e.Encode(a); err != nil {
					return err
				}
			}
			return nil
		},
		"describe.txt": func(b *bytes.Buffer) error {
			for _, a := range all {
				if err := roster.Describe(b, a, now, a.Agent == "face-matching", roster.Options{}); err != nil {
					return err
				}
				b.WriteString(strings.Repeat("=", 40) + "\n")
			}
			return nil
		},
		"describe.json": func(b *bytes.Buffer) error {
			e := json.NewEncoder(b)
			e.SetIndent("", "  ")
			return e.Encode(all[0].Description())
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := tell(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
}

func TestFind(t *testing.T) {
	all := []roster.Agent{{Type: "a", Agent: "x"}, {Type: "b", Agent: "x"}, {Type: "b", Agent: "y"}}
	if a, err := roster.Find(all, "y"); err != nil || a.Type != "b" {
		t.Error(a, err)
	}
	for name, want := range map[string]string{"x": "--type is one of a, b", "z": "there are x, y"} {
		if _, err := roster.Find(all, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
