package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
)

func join(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	cause, err := s.before(ctx)
	if err != nil {
		return err
	}
	last := len(b.cfg.After) - 1
	for _, step := range b.cfg.After[:last] {
		if cause, err = s.done(ctx, step, s.early(), cause, s.results[step]); err != nil {
			return err
		}
		h, err := s.rest(ctx)
		if err != nil {
			return err
		}
		if h.has(s.claimSlot(1)) {
			return wrong("no claim before "+b.cfg.After[last]+" is done", s.claimSlot(1).Event())
		}
	}
	if _, err := s.done(ctx, b.cfg.After[last], s.early(), cause, s.results[b.cfg.After[last]]); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	return b.joinAtOnce(ctx)
}

// joinAtOnce completes all steps that the agent follows at the same moment.
func (b *bench) joinAtOnce(ctx context.Context) error {
	s := b.scene(b.subject.Case.Completes)
	cause, err := s.before(ctx)
	if err != nil {
		return err
	}
	var all []events.Event
	for _, step := range b.cfg.After {
		d, err := s.doneData(ctx, step, s.early(), s.results[step])
		if err != nil {
			return err
		}
		e, err := events.New(s.of(step, events.Completed, 0, ""), as, cause, d)
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	errs := make(chan error)
	for _, e := range all {
		go func() { _, err := b.log.Append(ctx, e); errs <- err }()
	}
	for range all {
		if e := <-errs; e != nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	n := len(h.claims(b.cfg.Step))
	return ensure(n == 1, "one claim", "%d", n)
}

func redelivered(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	again := b.gate.refuse(b.cfg.Agent+"_forward", 0)
	defer again.drop()
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	if err := again.wait(ctx); err != nil {
		return wrong("an acknowledgement", "none")
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	if n := len(h.claims(b.cfg.Step)); n != s.n {
		return wrong("nothing new", fmt.Sprintf("%d claims", n))
	}
	return ensure(!h.has(s.end(events.Unwinding)), "nothing new", "the saga turned")
}

func twinClaimed(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	claim, err := s.seize(ctx)
	if err != nil {
		return err
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	for _, e := range h {
		if e.Seq > claim.Seq {
			return wrong("nothing after the twin's claim", e.Subject.Event())
		}
	}
	return nil
}

func retryTimer(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	claim, err := s.seize(ctx)
	if err != nil {
		return err
	}
	failed, err := s.write(ctx, s.slot(events.Failed, s.n), claim, events.Failure{
		Agent: b.cfg.Agent, Error: events.Error{Code: "http_503", Message: "the provider answered 503"},
		Class: events.Transient, Left: events.LeftNothing, Then: events.ThenRetry, Due: events.Duration(time.Millisecond),
	})
	if err != nil {
		return err
	}
	t := events.Timer{Type: b.cfg.Saga, To: b.cfg.Agent, What: events.RetryTimer, N: s.n + 1, ID: s.id, Seq: failed.Seq}
	if err := b.ring(ctx, t); err != nil {
		return err
	}
	next, _, err := s.until(ctx, s.claimSlot(s.n+1))
	if err != nil {
		return err
	}
	c, err := unpack[events.Claim](next)
	if err != nil {
		return err
	}
	if err := first(
		ensure(c.Cause == events.CauseRetry, "cause retry", "%q", c.Cause),
		ensure(c.Trigger.Stream == "TIMERS", "trigger in TIMERS", "%q", c.Trigger.Stream),
		ensure(c.Agent == b.cfg.Agent, "agent "+b.cfg.Agent, "%q", c.Agent),
	); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	// A timer that fires is a question, not an order.
	if err := b.ring(ctx, t); err != nil {
		return err
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	return ensure(len(h.claims(b.cfg.Step)) == s.n+1, "no attempt by a timer that was answered", "%d claims", len(h.claims(b.cfg.Step)))
}
