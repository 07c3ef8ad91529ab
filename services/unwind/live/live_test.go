package live_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

var update = flag.Bool("update", false, "write the golden files anew")

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A script writes a history, an event each 100 ms.
type script struct {
	t       *testing.T
	typ, id string
	history []events.Event
}

func (s *script) at(subject events.Subject, data any) *script {
	s.t.Helper()
	subject.Type, subject.ID = s.typ, s.id
	e, err := events.New(subject, "shop", events.Event{}, data)
	if err != nil {
		s.t.Fatal(err)
	}
	e.Seq = uint64(len(s.history) + 1)
	e.Time = began.Add(time.Duration(len(s.history)) * 100 * time.Millisecond)
	s.history = append(s.history, e)
	return s
}

// everything is a history with all kinds of events, and more than once where
// there is more than one thing to say. It need not make sense as a whole.
func everything(t *testing.T) []events.Event {
	s := &script{t: t, typ: "trip", id: "order-1"}
	step := func(k events.Kind, n int, agent string) events.Subject {
		return events.Subject{Step: "card", Kind: k, N: n, Agent: agent}
	}
	declined := events.Error{Code: "declined", Message: "the card\nis \x1b[31mdeclined"}
	down := events.Error{Code: "http_503"}
	s.at(events.Subject{Kind: events.Submitted}, "a task")
	s.at(events.Subject{Kind: events.Rejected}, events.Rejection{Agent: "card", Error: events.Error{Message: "it is not JSON"}})
	s.at(step(events.Started, 0, ""), events.Claim{Agent: "card", Cause: events.CauseTask})
	s.at(step(events.Failed, 1, ""), events.Failure{Agent: "card", Class: events.Transient, Error: down, Then: events.ThenRetry, Due: events.Duration(1900 * time.Millisecond)})
	s.at(step(events.Attempt, 2, ""), events.Claim{Agent: "card", Cause: events.CauseRetry})
	s.at(step(events.Failed, 2, ""), events.Failure{Agent: "card", Class: events.Unknown, Error: down, Left: events.LeftUnknown, Then: events.ThenRetry, Due: events.Duration(time.Minute), Next: "card-lite"})
	s.at(step(events.Attempt, 3, ""), events.Claim{Agent: "card-lite", Cause: events.CauseTakeover})
	s.at(step(events.Failed, 3, ""), events.Failure{Agent: "card-lite", Class: events.Unavailable, Error: down, Left: events.LeftUndone, Then: events.ThenFallback, Next: "cash"})
	s.at(step(events.Fallback, 0, "cash"), events.HandOver{From: "card-lite", Attempt: 3})
	s.at(step(events.Attempt, 4, ""), events.Claim{Agent: "cash", Cause: events.CauseFallback})
	s.at(step(events.Pending, 4, ""), events.Wait{Agent: "cash", WaitsFor: "the courier", Within: events.Duration(time.Hour)})
	s.at(step(events.Pending, 5, ""), events.Wait{Agent: "cash"})
	s.at(step(events.Pending, 6, ""), events.Wait{Agent: "cash", WaitsFor: "a decision", Person: true, Question: "Is \x1b[31mcash\nall right?", Within: events.Duration(time.Hour)})
	s.at(step(events.Answered, 1, ""), events.Answer{Outcome: events.OutcomeRetry, By: "ada", Next: "card", Reason: "the bank is back"})
	s.at(step(events.Answered, 2, ""), events.Answer{Outcome: events.OutcomeExpired, Error: &events.Error{Message: "no answer came within 1h0m0s"}})
	s.at(step(events.Completed, 0, ""), events.Done{Agent: "cash", Attempt: 4})
	s.at(events.Subject{Step: "mail", Kind: events.Started}, events.Claim{Agent: "mail", After: []string{"card", "seat"}, Cause: events.CauseStep})
	s.at(events.Subject{Step: "mail", Kind: events.Skipped}, events.Done{Agent: "mail", Attempt: 1})
	s.at(events.Subject{Step: "sms", Kind: events.Started}, events.Claim{Agent: "sms", After: []string{"mail"}, Cause: events.CauseStep})
	s.at(events.Subject{Step: "sms", Kind: events.Failed, N: 1}, events.Failure{Agent: "sms", Class: events.Refused, Error: declined, Then: events.ThenBack})
	s.at(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonFailed, Step: "sms", By: "sms", Error: &declined})
	s.at(events.Subject{Step: "sms", Kind: events.Completed}, events.Done{Agent: "sms", Attempt: 1})
	s.at(step(events.Compensate, 0, "cash"), events.UndoOrder{Attempt: 4})
	s.at(step(events.UndoFailed, 1, "cash"), events.UndoFailure{Error: down, Then: events.ThenRetry, Due: events.Duration(2 * time.Second)})
	s.at(step(events.UndoFailed, 2, "cash"), events.UndoFailure{Error: down, Then: events.ThenPerson})
	s.at(step(events.Redo, 1, "cash"), events.RedoOrder{By: "ada", Reason: "they answer again"})
	s.at(step(events.Compensated, 0, "cash"), events.Undone{By: "cash@1", Found: events.FoundUndone})
	s.at(step(events.Compensated, 0, "card"), events.Undone{By: "card@1", Found: events.FoundNothing})
	s.at(step(events.Compensated, 0, "card-lite"), events.Undone{By: "ada", Reason: "called them", Found: events.FoundUndone})
	s.at(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonDeadline})
	s.at(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonCancelled, By: "ada", Error: &events.Error{Message: "changed her mind"}})
	s.at(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonRejected, Error: &events.Error{Message: "it is not JSON"}})
	s.at(events.Subject{Kind: events.SagaCompensated}, events.End{})
	s.at(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonDeadline})
	s.at(events.Subject{Step: "card", Kind: events.Failed, N: 1}, "no object")
	return s.history
}

func TestEveryEventHasItsWords(t *testing.T) {
	for file, o := range map[string]live.Options{
		"testdata/plain.golden":   {},
		"testdata/symbols.golden": {Ink: ink.Ink{Symbols: true}, Columns: 120},
		"testdata/colour.golden":  {Ink: ink.Ink{Symbols: true, Colour: true}, Several: true, Types: true},
		"testdata/narrow.golden":  {Columns: 80, Several: true},
	} {
		t.Run(file, func(t *testing.T) {
			var b strings.Builder
			if err := live.New(&b, o).All(everything(t)); err != nil {
				t.Fatal(err)
			}
			compare(t, file, b.String())
			for i, line := range strings.Split(b.String(), "\n") {
				if o.Columns > 0 && ink.Width(line) > o.Columns {
					t.Errorf("line %d takes %d columns of %d: %s", i+1, ink.Width(line), o.Columns, line)
				}
			}
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// Somebody else's message moves no cursor.
func TestControlCharactersStayOut(t *testing.T) {
	var b strings.Builder
	if err := live.New(&b, live.Options{}).All(everything(t)); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsRune(b.String(), '\x1b') {
		t.Error("an escape character came through")
	}
	if n := strings.Count(b.String(), "\n"); n != len(everything(t)) {
		t.Errorf("%d lines about %d events", n, len(everything(t)))
	}
}

func TestSeveralSagasKeepTheirOwnTime(t *testing.T) {
	var b strings.Builder
	lines := live.New(&b, live.Options{Several: true, IDs: []string{"order-1"}, Steps: []string{"card"}})
	first := (&script{t: t, typ: "trip", id: "order-1"}).at(events.Subject{Kind: events.Submitted}, 1).at(events.Subject{Step: "card", Kind: events.Started}, events.Claim{Agent: "card"})
	second := (&script{t: t, typ: "trip", id: "2"}).at(events.Subject{Kind: events.Submitted}, 1)
	second.history[0].Time = began.Add(time.Hour)
	for _, e := range []events.Event{first.history[0], second.history[0], first.history[1]} {
		if err := lines.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Split(b.String(), "\n")
	for i, want := range []string{"  0.000s  order-1  task", "  0.000s  2        task", "  0.100s  order-1  card"} {
		if !strings.HasPrefix(got[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, got[i], want)
		}
	}
}

// A follower that comes in the middle of a saga tells the right time all the
// same, and who was there before.
func TestPrepareCatchesUp(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, typ: "trip", id: "1"}
	s.at(events.Subject{Kind: events.Submitted}, 1)
	s.at(events.Subject{Step: "card", Kind: events.Started}, events.Claim{Agent: "card", Cause: events.CauseTask})
	s.at(events.Subject{Step: "card", Kind: events.Completed}, events.Done{Agent: "card", Attempt: 1})
	for _, e := range s.history {
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	lines := live.New(&b, live.Options{})
	last, err := log.History(t.Context(), "trip", "1", 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(lines.Prepare(t.Context(), log, last[2]), lines.Event(last[2])); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "\n") != 1 || !strings.Contains(b.String(), "completed     in ") {
		t.Errorf("it shows\n%s\nwant one line that knows when the step began", b.String())
	}
}

// Of a step that was skipped and completed, what came second does not count.
func TestSkippedAndCompleted(t *testing.T) {
	s := &script{t: t, typ: "trip", id: "order-1"}
	s.at(events.Subject{Kind: events.Submitted}, "a task")
	s.at(events.Subject{Step: "card", Kind: events.Started}, events.Claim{Agent: "card", Cause: events.CauseTask})
	s.at(events.Subject{Step: "card", Kind: events.Skipped}, events.Done{Agent: "card", Attempt: 1})
	s.at(events.Subject{Step: "card", Kind: events.Completed}, events.Done{Agent: "card", Attempt: 1})
	var b strings.Builder
	if err := live.New(&b, live.Options{}).All(s.history); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"skipped       its condition does not hold\n", "completed     came too late, does not count\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", b.String(), want)
		}
	}
}

// In a window of 80 columns a line is a line, also with the time of day and a type.
func TestALineFitsANarrowWindow(t *testing.T) {
	var b strings.Builder
	s := &script{t: t, typ: "route", id: "ride-7-r1"}
	s.at(events.Subject{Kind: events.Submitted}, "a task")
	s.at(events.Subject{Step: "directions", Kind: events.Started}, events.Claim{Agent: "google", After: []string{"vehicle"}, Cause: events.CauseStep})
	s.at(events.Subject{Step: "directions", Kind: events.Fallback, Agent: "heuristic"}, events.HandOver{From: "google", Attempt: 1})
	s.at(events.Subject{Kind: events.SagaCompensated}, events.End{})
	lines := live.New(&b, live.Options{Ink: ink.Ink{Symbols: true}, Columns: 80, Several: true, Types: true, Clock: "15:04:05.000"})
	lines.Widen(s.history)
	for _, e := range s.history {
		if err := lines.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(b.String()) {
		if n := ink.Width(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns in %q", n, line)
		}
	}
}
