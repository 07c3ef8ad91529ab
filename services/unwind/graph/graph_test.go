package graph_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/when"
	"github.com/unwind-saga/unwind/services/unwind/graph"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/roster"
)

var update = os.Getenv("UPDATE") != ""

// golden compares with a file in testdata; UPDATE=1 writes it anew.
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

// trip has all that can be drawn: a fork and a join, an edge past a layer, a chain,
// a condition, a pivot, and who is not there.
var trip = []config.Config{
	{Agent: "quote", Saga: "trip", CompensationHandler: "none"},
	{Agent: "seat", Saga: "trip", After: []string{"quote"}, CompensationHandler: "release", FallbackAgents: []string{"seat-second", "seat-human"}},
	{Agent: "seat-second", Saga: "trip", Step: "seat", StandIn: true, CompensationHandler: "release"},
	{Agent: "seat-human", Saga: "trip", Step: "seat", StandIn: true},
	{Agent: "room", Saga: "trip", After: []string{"quote"}, CompensationHandler: "release", When: when.MustCompile(`task.nights > 0 && task.budget > 100`)},
	{Agent: "insurance", Saga: "trip", After: []string{"room"}, CompensationHandler: "revoke"},
	{Agent: "card-payments", Saga: "trip", Step: "payment", After: []string{"seat", "insurance", "quote"}, Pivot: true},
	{Agent: "tickets", Saga: "trip", After: []string{"payment"}, Final: true, NeverRefuses: true},
}

// live is the roster of trip: seat-second does not run, tickets speaks another
// language, insurance is gone without having said anything.
func live(t *testing.T) []roster.Agent {
	var instances []events.Instance
	var backlogs []events.Backlog
	for n, c := range trip {
		c = c.WithDefaults()
		var hears []string
		add := func(s events.Subject) { s.Type = "trip"; hears = append(hears, s.Filter()) }
		add(events.Subject{Kind: events.Fallback, Step: c.Step, Agent: c.Agent})
		if c.Entry() {
			add(events.Subject{Kind: events.Submitted})
		}
		for _, before := range c.After {
			add(events.Subject{Kind: events.Completed, Step: before})
			add(events.Subject{Kind: events.Skipped, Step: before})
		}
		b := events.Backlog{Consumer: c.Agent + "_forward", Agent: c.Agent, Purpose: events.ForForward, Filters: hears}
		b.Listens = c.Agent != "seat-second" && c.Agent != "insurance"
		backlogs = append(backlogs, b)
		if !b.Listens || c.Agent == "tickets" {
			continue
		}
		declared, err := c.Declared()
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1 + n%3 {
			instances = append(instances, events.Instance{
				Type: "trip", Step: c.Step, Agent: c.Agent, Name: fmt.Sprintf("%s@%d", c.Agent, i), Version: "v1.0.0",
				Started: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC), Declared: declared,
			})
		}
	}
	return roster.Of("trip", instances, backlogs)
}

func TestGoldens(t *testing.T) {
	whole, running := graph.Files("trip", trip), graph.Live("trip", live(t))
	for name, draw := range map[string]func(io.Writer) error{
		"files.txt":   func(w io.Writer) error { return whole.Text(w, graph.Options{}) },
		"live.txt":    func(w io.Writer) error { return running.Text(w, graph.Options{Columns: 80}) },
		"narrow.txt":  func(w io.Writer) error { return running.Text(w, graph.Options{Columns: 56}) },
		"outline.txt": func(w io.Writer) error { return running.Text(w, graph.Options{Columns: 40}) },
		"live.mmd":    running.Mermaid,
		"live.dot":    running.DOT,
		"live.svg":    running.SVG,
		"live.json": func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(running)
		},
		"cycle.txt": func(w io.Writer) error {
			return graph.Files("loop", []config.Config{
				{Agent: "a", Saga: "loop", After: []string{"b"}}, {Agent: "b", Saga: "loop", After: []string{"a", "nobody"}},
				{Agent: "c", Saga: "loop", FallbackAgents: []string{"unheard-of"}},
			}).Text(w, graph.Options{})
		},
		"nothing.txt": func(w io.Writer) error { return graph.Live("trip", nil).Text(w, graph.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := draw(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
			for line := range strings.Lines(b.String()) {
				if width := ink.Width(strings.TrimRight(line, "\n")); strings.HasSuffix(name, ".txt") && width > 80 {
					t.Errorf("a line has %d columns: %s", width, line)
				}
			}
		})
	}
}

// TestSVGIsXML: whatever a condition has in it.
func TestSVGIsXML(t *testing.T) {
	g := graph.Files("trip", []config.Config{{Agent: "a", Saga: "trip"}, {Agent: "b", Saga: "trip", After: []string{"a"}, When: when.MustCompile(`task.a < 3 && task.b == "<script>&"`)}})
	var b bytes.Buffer
	if err := g.SVG(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script") {
		t.Error("a condition became an element")
	}
	for d := xml.NewDecoder(&b); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestLarge: a wide choreography still fits, as an outline.
func TestLarge(t *testing.T) {
	all := []config.Config{{Agent: "begin", Saga: "big"}}
	var names []string
	for n := range 60 {
		names = append(names, fmt.Sprintf("step-number-%d", n))
		all = append(all, config.Config{Agent: names[n], Saga: "big", After: []string{"begin"}})
	}
	all = append(all, config.Config{Agent: "end", Saga: "big", After: names, Final: true})
	var b bytes.Buffer
	if err := graph.Files("big", all).Text(&b, graph.Options{Columns: 80}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "● step-number-59") {
		t.Error(b.String())
	}
}
