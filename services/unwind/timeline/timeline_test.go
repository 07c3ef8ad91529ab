package timeline_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A script writes a history by hand, for what no story plays.
type script struct {
	t       *testing.T
	history []events.Event
}

func (s *script) at(ms int, subject events.Subject, data any) *script {
	s.t.Helper()
	subject.Type, subject.ID = "trip", "1"
	e, err := events.New(subject, "shop", events.Event{}, data)
	if err != nil {
		s.t.Fatal(err)
	}
	e.Seq, e.Time = uint64(len(s.history)+1), began.Add(time.Duration(ms)*time.Millisecond)
	s.history = append(s.history, e)
	return s
}

func (s *script) task() *script { return s.at(0, events.Subject{Kind: events.Submitted}, "a task") }

func (s *script) claim(ms int, step string, n int, agent string, after ...string) *script {
	return s.at(ms, events.ClaimSubject("", step, n, ""), events.Claim{
		Agent: agent, Instance: agent + "@1", After: after, Deadline: began.Add(time.Hour),
	})
}

func (s *script) step(ms int, step string, k events.Kind, n int, agent string, data any) *script {
	return s.at(ms, events.Subject{Step: step, Kind: k, N: n, Agent: agent}, data)
}

func (s *script) state() *saga.State {
	s.t.Helper()
	state, err := saga.Fold(s.history)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

func (s *script) chart(columns int) string {
	s.t.Helper()
	return strings.Join(timeline.Chart(s.history, s.state(), began.Add(10*time.Second), timeline.Options{Columns: columns}), "\n")
}

var down = events.Error{Code: "http_503", Message: "provider answered 503"}

func TestVerdict(t *testing.T) {
	now := began.Add(10 * time.Second)
	new := func() *script { return (&script{t: t}).task() }
	turn := func(s *script, ms int) *script {
		return s.at(ms, events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonDeadline})
	}
	for name, c := range map[string]struct {
		script *script
		want   string
	}{
		"nobody began": {new(), "Waiting for the agent that begins with the task (is it running?)."},
		"no task": {
			(&script{t: t}).at(0, events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonCancelled, By: "ada"}),
			"It turned back: cancelled by ada. Waiting for any agent of the type to end the saga, of which all is undone (is one running?).",
		},
		"working": {
			new().claim(1000, "card", 1, "stripe"),
			"Waiting for stripe, which is at attempt 1 of step card for 9.0s (instance stripe@1); it turns back by itself in 59m50s.",
		},
		"two at work": {
			new().claim(0, "seat", 1, "seat").claim(1000, "card", 1, "card"),
			"Waiting for\n  - seat, which is at attempt 1 of step seat for 10s (instance seat@1),\n" +
				"  - card, which is at attempt 1 of step card for 9.0s (instance card@1).\nIt turns back by itself in 59m50s.",
		},
		"a retry that is due": {
			new().claim(0, "card", 1, "card").step(5000, "card", events.Failed, 1, "", events.Failure{Agent: "card", Error: down, Then: events.ThenRetry, Due: events.Duration(time.Second)}),
			"Waiting for card to make attempt 2 of step card, due 4.0s ago; it turns back by itself in 59m50s.",
		},
		"handed over": {
			new().claim(0, "card", 1, "card").step(5000, "card", events.Failed, 1, "", events.Failure{Agent: "card", Error: down, Then: events.ThenFallback, Next: "cash"}),
			"Waiting for cash to take step card over from card (is it running?); it turns back by itself in 59m50s.",
		},
		"not turned yet": {
			new().claim(0, "card", 1, "card").step(5000, "card", events.Failed, 1, "", events.Failure{Agent: "card", Error: down, Then: events.ThenBack}),
			"Waiting for card to turn the saga back, because step card failed (provider answered 503); it turns back by itself in 59m50s.",
		},
		"from outside": {
			new().claim(0, "card", 1, "card").step(5000, "card", events.Pending, 1, "", events.Wait{Agent: "card", WaitsFor: "the customer's signature", Within: events.Duration(time.Minute)}),
			"Waiting for the customer's signature, which step card needs; card gives it up in 55s. It turns back by itself in 59m50s.",
		},
		"nobody follows": {
			new().claim(0, "a", 1, "a").step(1, "a", events.Completed, 0, "", events.Done{Agent: "a"}).
				claim(2, "b", 1, "b", "a").step(3, "b", events.Completed, 0, "", events.Done{Agent: "b"}).
				claim(2, "c", 1, "c", "a").step(3, "c", events.Skipped, 0, "", events.Done{Agent: "c"}),
			"Waiting for the agent that follows b and c (is it running?); it turns back by itself in 59m50s.",
		},
		"unwinding past a worker": {
			turn(new().claim(0, "card", 1, "card"), 1000),
			"It turned back: its time was up. Waiting for card, which is still at attempt 1 of step card (instance card@1).",
		},
		"unwinding": {
			turn(new().claim(0, "card", 1, "card").step(1, "card", events.Completed, 0, "", events.Done{Agent: "card"}), 1000).
				step(1001, "card", events.Compensate, 0, "card", events.UndoOrder{}).
				step(9000, "card", events.UndoFailed, 1, "card", events.UndoFailure{Error: down, Then: events.ThenRetry, Due: events.Duration(3 * time.Second)}),
			"It turned back: its time was up. Waiting for card to undo step card, 1 try failed (provider answered 503), the next is due in 2.0s.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := timeline.Verdict(c.script.state(), now); got != c.want {
				t.Errorf("Verdict:\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// What comes from outside is waited for, and a stand-in takes over.
func TestChartOfWaiting(t *testing.T) {
	s := (&script{t: t}).task().
		claim(0, "card", 1, "stripe").
		step(2000, "card", events.Failed, 1, "", events.Failure{Agent: "stripe", Error: down, Then: events.ThenRetry, Due: events.Duration(2 * time.Second), Next: "adyen"}).
		claim(4000, "card", 2, "adyen").
		step(5000, "card", events.Pending, 2, "", events.Wait{Agent: "adyen"}).
		step(8000, "card", events.Completed, 0, "", events.Done{Agent: "adyen"}).
		claim(8000, "mail", 1, "mail", "card").
		step(8000, "mail", events.Skipped, 0, "", events.Done{Agent: "mail"})
	got := s.chart(60)
	for _, line := range []string{
		"card · stripe  ━━━━━━━━━✖",
		"  → adyen               ┄┄┄┄┄┄┄┄┄2━━━◌············✔",
		"mail                                              ━○",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line\n%s\nin\n%s", line, got)
		}
	}
}

// What came too late is not drawn, and does not draw a lane.
func TestChartLeavesOutWhatCameTooLate(t *testing.T) {
	s := (&script{t: t}).task().claim(0, "seat", 1, "seat").
		at(1000, events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonDeadline}).
		claim(2000, "card", 1, "card")
	if got := s.chart(80); strings.Contains(got, "card") {
		t.Errorf("card came too late, but is drawn:\n%s", got)
	}
}

// More attempts than columns: the last ones are shown.
func TestChartOfManyAttempts(t *testing.T) {
	s := (&script{t: t}).task()
	for n := 1; n <= 200; n++ {
		s.claim(n*10, "card", n, "card")
		s.step(n*10+5, "card", events.Failed, n, "", events.Failure{Agent: "card", Error: down, Then: events.ThenRetry})
	}
	got := s.chart(80)
	if !strings.Contains(got, "200✖") {
		t.Errorf("attempt 200 is not shown:\n%s", got)
	}
	fits(t, got, 80)
}

func fits(t *testing.T, text string, columns int) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if ink.Width(line) > columns && !strings.Contains(line, "unwind saga re") {
			t.Errorf("a line takes %d columns of %d: %s", ink.Width(line), columns, line)
		}
	}
}

// At any width, every story fits.
func TestEverythingFits(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		history, now := play(t, file)
		s, err := saga.Fold(history)
		if err != nil {
			t.Fatal(err)
		}
		for columns := 60; columns <= 160; columns++ {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(file), columns), func(t *testing.T) {
				var b strings.Builder
				if err := timeline.Print(&b, history, s, now, timeline.Options{Columns: columns}); err != nil {
					t.Fatal(err)
				}
				text, _, _ := strings.Cut(b.String(), "\nstep ") // the table is as wide as its names
				fits(t, text, columns)
			})
		}
	}
}

// The moment of each event of a history is a number that a broker gives: equal
// times, and none at all, draw too.
func TestChartOfNoTime(t *testing.T) {
	s := (&script{t: t}).task().claim(0, "seat", 1, "seat").
		step(0, "seat", events.Completed, 0, "", events.Done{Agent: "seat"}).
		at(0, events.Subject{Kind: events.SagaCompleted}, events.End{})
	if got := s.chart(80); !strings.Contains(got, "━✔") {
		t.Errorf("got\n%s", got)
	}
}

// Whoever sees to a dead letter does so days later. The axis tells what ran.
func TestTheAxisEndsWithTheSaga(t *testing.T) {
	s := (&script{t: t}).task().claim(2, "seat", 1, "seat")
	s.step(20, "seat", events.Failed, 1, "", events.Failure{Agent: "seat", Class: events.Refused, Error: events.Error{Message: "sold out"}, Left: events.LeftNothing, Then: events.ThenBack})
	s.at(22, events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonFailed, Step: "seat", By: "seat@1"})
	s.at(30, events.Subject{Kind: events.SagaCompensated}, events.End{})
	before := s.chart(80)
	s.at(3*86400*1000, events.Subject{Kind: events.Dismissed}, events.Dismissal{By: "ada", As: events.Dropped, Reason: "nobody asks for it any more"})
	if after := s.chart(80); after != before {
		t.Errorf("after it was dropped it reads\n%s\nwant\n%s", after, before)
	}
}

// A label that has no room is left out: half of "30ms" would be half an hour.
func TestLabelsAreWhole(t *testing.T) {
	for ms := 20; ms < 200; ms++ {
		s := (&script{t: t}).task().claim(2, "seat", 1, "seat")
		s.step(ms, "seat", events.Completed, 0, "", events.Done{Agent: "seat", Attempt: 1})
		s.at(ms, events.Subject{Kind: events.SagaCompleted}, events.End{})
		labels, _, _ := strings.Cut(s.chart(80), "\n")
		for _, label := range strings.Fields(labels)[1:] {
			if !strings.HasSuffix(label, "ms") {
				t.Fatalf("a saga of %d ms has the label %q in %q", ms, label, labels)
			}
		}
	}
}
