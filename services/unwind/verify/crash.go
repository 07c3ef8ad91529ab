package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// crash are the checks in which a process dies, or sleeps, or has a twin.
var crash = []Check{
	{
		Name: "takeover", Rule: "I4; saga/doc.go, Forward", asks: gated | process | direct,
		Text: "killed while it works, it takes the lost attempt over when its lease has run out",
		run:  takeover,
	},
	{
		Name: "same-key", Rule: "saga/doc.go, Forward", asks: gated | process | effects | direct,
		Text: "the attempt that takes over works under the same key: there is one effect in the world",
		run:  sameKey,
	},
	{
		Name: "settles", Rule: "I4; saga/doc.go, Forward 4", asks: gated | process | final,
		Text: "killed between completed and saga.completed, it settles when the message comes again",
		run:  settlesEnd,
	},
	{
		Name: "settles-failure", Rule: "I4; saga/doc.go, Forward 4", asks: gated | process | refusal,
		Text: "killed between its failure and the latch, it settles when the message comes again",
		run:  settlesFailure,
	},
	{
		Name: "twins", Rule: "I6", asks: process,
		Text: "of two instances at once, one completes each saga",
		run:  twins,
	},
	{
		Name: "late", Rule: "saga/doc.go, Invariants (late replicas)", asks: gated | process | direct,
		Text: "an instance that lost its lease says nothing more of a step that another completed",
		run:  late,
	},
}

// lease is how long the broker waits for a sign of life of who holds a message.
func (b *bench) lease(ctx context.Context) (time.Duration, error) {
	c, err := b.js.Consumer(ctx, "SAGA_"+b.cfg.Saga, b.cfg.Agent+"_forward")
	if err != nil {
		return 0, wrong("consumer "+b.cfg.Agent+"_forward", err.Error())
	}
	return c.CachedInfo().Config.AckWait, nil
}

// killed asks the agent, and kills it while an event is on its way, which is lost.
func (b *bench) killed(ctx context.Context, s *scene, slot events.Subject) error {
	hold := b.gate.hold(slot.String())
	defer hold.drop()
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	if err := s.caught(ctx, hold, slot); err != nil {
		return err
	}
	return b.kill(ctx, hold.drop)
}

func takeover(ctx context.Context, b *bench) error {
	_, err := b.takenOver(ctx)
	return err
}

func (b *bench) takenOver(ctx context.Context) (*scene, error) {
	s := b.scene(b.subject.Case.Completes)
	if err := b.killed(ctx, s, s.slot(events.Completed, 0)); err != nil {
		return s, err
	}
	lease, err := b.lease(ctx)
	if err != nil {
		return s, err
	}
	next, h, err := s.until(ctx, s.claimSlot(s.n+1), 2*lease)
	if err != nil {
		return s, err
	}
	was, err := unpack[events.Claim](h.find(s.claimSlot(s.n)))
	if err != nil {
		return s, err
	}
	is, err := unpack[events.Claim](next)
	if err != nil {
		return s, err
	}
	if err := first(
		ensure(is.Cause == events.CauseTakeover, "cause takeover", "%q", is.Cause),
		ensure(is.Trigger == was.Trigger, "the trigger of the attempt that was lost", "%v", is.Trigger),
		ensure(is.Instance != was.Instance, "another instance", "%q again", is.Instance),
	); err != nil {
		return s, err
	}
	done, _, err := s.until(ctx, s.slot(events.Completed, 0))
	if err != nil {
		return s, err
	}
	d, err := unpack[events.Done](done)
	if err != nil {
		return s, err
	}
	if err := ensure(d.Attempt == s.n+1, fmt.Sprintf("completed by attempt %d", s.n+1), "%d", d.Attempt); err != nil {
		return s, err
	}
	_, err = s.rest(ctx)
	return s, err
}

func sameKey(ctx context.Context, b *bench) error {
	s, err := b.takenOver(ctx)
	if err != nil {
		return err
	}
	return b.once(ctx, s.id)
}

func settlesEnd(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	return b.settlesAfterKill(ctx, s, s.end(events.SagaCompleted))
}

func settlesFailure(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Refuses)
	return b.settlesAfterKill(ctx, s, s.end(events.Unwinding))
}

func (b *bench) settlesAfterKill(ctx context.Context, s *scene, slot events.Subject) error {
	if err := b.killed(ctx, s, slot); err != nil {
		return err
	}
	lease, err := b.lease(ctx)
	if err != nil {
		return err
	}
	_, h, err := s.until(ctx, slot, 2*lease)
	if err != nil {
		return err
	}
	return ensure(len(h.claims(b.cfg.Step)) == s.n, "no further attempt: the step has its outcome", "%d claims", len(h.claims(b.cfg.Step)))
}

func twins(ctx context.Context, b *bench) error {
	twin, err := b.process(ctx)
	if err != nil {
		return err
	}
	defer twin.Stop()
	if err := b.ready(ctx, twin); err != nil {
		return err
	}
	var sagas []*scene
	for range 6 {
		s := b.scene(b.subject.Case.Completes)
		sagas = append(sagas, s)
		if _, err := s.ask(ctx); err != nil {
			return err
		}
	}
	for _, s := range sagas {
		if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
			return err
		}
		h, err := s.rest(ctx)
		if err != nil {
			return err
		}
		if n := len(h.claims(b.cfg.Step)) - s.n + 1; n != 1 {
			return wrong("one claim in each saga", fmt.Sprintf("%d", n))
		}
	}
	return nil
}

// late holds what the agent says until its lease has run out and a twin has
// taken over.
func late(ctx context.Context, b *bench) error {
	lease, err := b.lease(ctx)
	if err != nil {
		return err
	}
	s := b.scene(b.subject.Case.Completes)
	consumer := b.cfg.Agent + "_forward"
	mute := b.gate.mute(consumer)
	defer mute.drop()
	hold := b.gate.add(&rule{matches: sameEvent(s.slot(events.Completed, 0).String())})
	defer hold.release()
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	if err := s.caught(ctx, hold, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.claimSlot(s.n+1), 2*lease); err != nil {
		return err
	}
	done, _, err := s.until(ctx, s.slot(events.Completed, 0))
	if err != nil {
		return err
	}
	mute.drop()
	hold.release()
	_ = pause(ctx, 20*time.Millisecond) // for the late one to find out
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	for _, e := range h {
		if e.Seq > done.Seq && e.Subject.Step == b.cfg.Step && e.Subject.Kind != events.Compensated {
			return wrong("nothing more of the step after its completion", e.Subject.Event())
		}
	}
	return ensure(!h.has(s.end(events.Unwinding)), "the saga still goes forward", "it turned")
}

// sameEvent matches the first event for a subject, and it alone, however often it is
// sent: whoever gets no answer asks again, and may do so for longer than a lease.
func sameEvent(subject string) func(*publication) bool {
	var first string
	return func(p *publication) bool {
		if p.subject != subject {
			return false
		}
		id := p.id()
		if first == "" {
			first = id
		}
		return id == first
	}
}
