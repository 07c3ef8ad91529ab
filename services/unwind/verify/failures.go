package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// failures are the checks of what is said of an attempt that failed.
var failures = []Check{
	{
		Name: "refused", Rule: "I7; saga/doc.go, Forward", asks: refusal,
		Text: "a refusal is told as one, turns the saga, and is not tried again",
		run:  refused,
	},
	{
		Name: "fails", Rule: "I7; saga/doc.go, Refusals", asks: failure,
		Text: "a failure says what follows, and sets the timer; no message is held meanwhile",
		run:  fails,
	},
	{
		Name: "gives-up", Rule: "saga/doc.go, Forward", asks: failure,
		Text: "out of tries, it hands the step to the next agent in its chain, or turns the saga",
		run:  givesUp,
	},
}

func refused(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Refuses)
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	slot := s.slot(events.Failed, s.n)
	e, _, err := s.until(ctx, slot)
	if err != nil {
		if h, _ := s.read(ctx); h.has(s.slot(events.Completed, 0)) {
			return wrong("the task refused", "it was completed")
		}
		return err
	}
	f, err := unpack[events.Failure](e)
	if err != nil {
		return err
	}
	if err := first(
		ensure(f.Class == events.Refused, "class refused", "%q (%s)", f.Class, f.Error.Message),
		ensure(f.Then == events.ThenBack, "then back", "%q", f.Then),
		ensure(f.Agent == b.cfg.Agent, "agent "+b.cfg.Agent, "%q", f.Agent),
		ensure(f.Error.Code != "" && f.Error.Message != "", "an error with a code and a message", "%+v", f.Error),
	); err != nil {
		return err
	}
	latch, _, err := s.until(ctx, s.end(events.Unwinding))
	if err != nil {
		return err
	}
	turn, err := unpack[events.Turn](latch)
	if err != nil {
		return err
	}
	if err := first(
		ensure(turn.Reason == events.ReasonFailed, "reason failed", "%q", turn.Reason),
		ensure(turn.Step == b.cfg.Step, "step "+b.cfg.Step, "%q", turn.Step),
	); err != nil {
		return err
	}
	h, err := s.back(ctx)
	if err != nil {
		return err
	}
	return ensure(len(h.claims(b.cfg.Step)) == s.n, "no further attempt", "%d claims", len(h.claims(b.cfg.Step)))
}

// failing asks the agent with a task at which it fails, and waits for attempt n
// to have failed.
func (s *scene) failed(ctx context.Context, n int) (*events.Event, events.Failure, error) {
	e, _, err := s.until(ctx, s.slot(events.Failed, n))
	if err != nil {
		return nil, events.Failure{}, err
	}
	f, err := unpack[events.Failure](e)
	return e, f, err
}

func fails(ctx context.Context, b *bench) error {
	if b.cfg.RetryPolicy.MaxRetries == 0 {
		return &idle{"its retry_policy has no retries"}
	}
	s := b.scene(b.subject.Case.Fails)
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	e, f, err := s.failed(ctx, s.n)
	if err != nil {
		return err
	}
	if err := first(
		ensure(f.Agent == b.cfg.Agent, "agent "+b.cfg.Agent, "%q", f.Agent),
		ensure(f.Class == events.Transient || f.Class == events.Unknown, "class transient or unknown", "%q (%s)", f.Class, f.Error.Message),
		ensure(f.Then == events.ThenRetry, "then retry", "%q", f.Then),
		ensure(f.Due > 0, "due, the wait before the next try", "none"),
		ensure(f.Error.Code != "" && f.Error.Message != "", "an error with a code and a message", "%+v", f.Error),
	); err != nil {
		return err
	}
	due := e.Time.Add(time.Duration(f.Due))
	h, err := s.letGo(ctx, due)
	if err != nil {
		return err
	}
	if next := h.find(s.claimSlot(s.n + 1)); next == nil {
		t := events.Timer{Type: b.cfg.Saga, To: b.cfg.Agent, What: events.RetryTimer, N: s.n + 1, ID: s.id, Seq: e.Seq}
		err := s.timerAt(ctx, t, due)
		for end := time.Now().Add(100 * time.Millisecond); err != nil && time.Now().Before(end); err = s.timerAt(ctx, t, due) {
			_ = pause(ctx, b.pulse())
		}
		if err != nil && time.Now().Before(due) {
			return err
		}
		if time.Until(due) > 100*time.Millisecond { // the clock goes faster
			if err := b.ring(ctx, t); err != nil {
				return err
			}
			due = time.Time{}
		}
	}
	next, _, err := s.until(ctx, s.claimSlot(s.n+1), 2*time.Second)
	if err != nil {
		return err
	}
	c, err := unpack[events.Claim](next)
	if err != nil {
		return err
	}
	return first(
		ensure(!next.Time.Before(due), fmt.Sprintf("the next attempt %s after the failure", time.Duration(f.Due)), "it is earlier, by %s", due.Sub(next.Time)),
		ensure(c.Cause == events.CauseRetry, "cause retry", "%q", c.Cause),
		ensure(c.Trigger.Stream == "TIMERS", "trigger in TIMERS: the retry is the timer's", "%q", c.Trigger.Stream),
	)
}

func givesUp(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Fails)
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	most := s.n + b.cfg.RetryPolicy.MaxRetries
	var f events.Failure
	for n := s.n; ; n++ {
		var e *events.Event
		var err error
		if e, f, err = s.failed(ctx, n); err != nil {
			return err
		}
		if f.Then != events.ThenRetry {
			if n < most && f.Class == events.Transient {
				return wrong(fmt.Sprintf("%d tries", b.cfg.RetryPolicy.MaxRetries+1), fmt.Sprintf("%d", n-s.n+1))
			}
			break
		}
		if n >= most {
			return wrong(fmt.Sprintf("no more than %d tries", b.cfg.RetryPolicy.MaxRetries+1), "another one is to follow")
		}
		if _, err := s.rest(ctx); err != nil {
			return err
		}
		t := events.Timer{Type: b.cfg.Saga, To: b.cfg.Agent, What: events.RetryTimer, N: n + 1, ID: s.id, Seq: e.Seq}
		if err := b.ring(ctx, t); err != nil {
			return err
		}
	}
	if len(b.cfg.FallbackAgents) > 0 {
		next := b.cfg.FallbackAgents[0]
		if err := first(
			ensure(f.Then == events.ThenFallback, "then fallback", "%q", f.Then),
			ensure(f.Next == next, "next "+next, "%q", f.Next),
			ensure(slices.Equal(f.Chain, b.cfg.FallbackAgents[1:]) || len(f.Chain) == 0 && len(b.cfg.FallbackAgents) == 1, fmt.Sprintf("chain %q", b.cfg.FallbackAgents[1:]), "%q", f.Chain),
		); err != nil {
			return err
		}
		_, _, err := s.until(ctx, s.of(b.cfg.Step, events.Fallback, 0, next))
		return err
	}
	if err := ensure(f.Then == events.ThenBack, "then back", "%q", f.Then); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.end(events.Unwinding)); err != nil {
		return err
	}
	_, err := s.back(ctx)
	return err
}

// letGo waits until the agent holds no message, which has to be long before the
// next attempt is due.
func (s *scene) letGo(ctx context.Context, due time.Time) (history, error) {
	wait := time.Until(due)
	if wait < 300*time.Millisecond {
		return s.rest(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, wait*2/3)
	defer cancel()
	for {
		settled, err := s.b.settled(soon)
		if settled {
			return s.read(ctx)
		}
		if err == nil {
			err = pause(soon, s.b.pulse())
		}
		if err != nil && soon.Err() != nil {
			return nil, wrong("no message held while it waits for the next attempt", s.b.unsettled())
		}
		if err != nil {
			return nil, err
		}
	}
}
