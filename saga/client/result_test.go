package client_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/client"
)

func TestResult(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	say := func(s events.Subject, data any) {
		t.Helper()
		s.Type, s.ID = "trip", "1"
		e, err := events.New(s, "test", events.Event{}, data)
		must(err)
		_, err = log.Append(t.Context(), e)
		must(err)
	}
	must(log.Ensure(t.Context(), "trip"))
	large := json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)
	ref, err := log.Put(t.Context(), "trip", large)
	must(err)
	gone := events.RefOf([]byte("gone"))
	say(events.Subject{Kind: events.Submitted}, 1)
	for step, done := range map[string]*events.Done{
		"large": {ResultRef: &ref}, "gone": {ResultRef: &gone}, "small": {Result: json.RawMessage(`"12A"`)}, "silent": {}, "under-way": nil, "skipped": {},
	} {
		say(events.Subject{Kind: events.Started, Step: step}, events.Claim{Agent: step})
		k := events.Completed
		if step == "skipped" {
			k = events.Skipped
		}
		if done != nil {
			done.Agent = step
			say(events.Subject{Kind: k, Step: step}, done)
		}
	}
	for step, c := range map[string]struct {
		want   string
		reason error
		hint   string
	}{
		"large":     {string(large), nil, ""},
		"small":     {`"12A"`, nil, ""},
		"silent":    {"null", nil, ""},
		"gone":      {"", events.ErrNoObject, gone.Digest},
		"under-way": {"", client.ErrNoResult, "hint: the step is working"},
		"skipped":   {"", client.ErrNoResult, "hint: the step was skipped"},
		"other":     {"", client.ErrNoResult, "hint: its steps so far are "},
	} {
		t.Run(step, func(t *testing.T) {
			got, err := client.Result(t.Context(), log, "trip", "1", step)
			if !errors.Is(err, c.reason) || err != nil && !strings.Contains(err.Error(), c.hint) || string(got) != c.want {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
		})
	}
	if _, err := client.Result(t.Context(), log, "trip", "2", "small"); !errors.Is(err, client.ErrNoSaga) {
		t.Fatalf("got %v", err)
	}
}
