package verify

import (
	"context"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// back are the checks of the way back.
var back = []Check{
	{
		Name: "latch-refuses", Rule: "I5; saga/doc.go, The latch, and the pivot", asks: gated,
		Text: "when the latch comes between its claim and its completion, it undoes its own work and says so",
		run:  latchRefuses,
	},
	{
		Name: "undoes", Rule: "I3; saga/doc.go, Back", asks: turns | gated,
		Text: "it undoes its completed step when it is asked to, and not before all that followed it",
		run:  undoes,
	},
	{
		Name: "undoes-unknown", Rule: "I2; saga/doc.go, Back", asks: gated,
		Text: "it undoes an attempt of which nobody knows the outcome, without a token",
		run:  undoesUnknown,
	},
	{
		Name: "undo-redelivered", Rule: "saga/doc.go, Back", asks: gated,
		Text: "an order to undo that comes again is acknowledged, and nothing new is written",
		run:  undoRedelivered,
	},
	{
		Name: "undo-unclaimed", Rule: "saga/doc.go, Back",
		Text: "an order to undo a step that was never claimed does no harm",
		run:  undoUnclaimed,
	},
	{
		Name: "redo", Rule: "saga/doc.go, Back", asks: gated,
		Text: "a person asks to undo again, and it does",
		run:  redo,
	},
	{
		Name: "undo-timer", Rule: "DESIGN, On the wire (timers)", asks: gated,
		Text: "its timer makes the next try at undoing",
		run:  undoTimer,
	},
	{
		Name: "deadline", Rule: "I4; saga/doc.go, The latch, and the pivot",
		Text: "when a saga's deadline is due, it turns the saga, although it has no part in it",
		run:  deadline,
	},
	{
		Name: "advance", Rule: "I2 and I3; saga/doc.go, Back",
		Text: "a saga that was turned by somebody else goes back in order, and ends, by whoever is alive",
		run:  advance,
	},
	{
		Name: "nothing-left", Rule: "I2", asks: effects | gated | turns | undoable,
		Text: "after it has undone its step, nothing of it is left in the world",
		run:  nothingLeft,
	},
}

// latchRefuses lets the latch come while the completion is on its way.
func latchRefuses(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	slot := s.slot(events.Completed, 0)
	if b.cfg.Pivot {
		slot = s.end(events.Committed)
	}
	hold := b.gate.hold(slot.String())
	defer hold.release()
	asked, err := s.ask(ctx)
	if err != nil {
		return err
	}
	if err := s.caught(ctx, hold, slot); err != nil {
		return err
	}
	if _, err := s.turn(ctx, asked); err != nil {
		return err
	}
	hold.release()
	if _, _, err := s.until(ctx, s.mine(events.Compensated, 0)); err != nil {
		return err
	}
	h, err := s.back(ctx)
	if err != nil {
		return err
	}
	return ensure(!h.has(s.slot(events.Completed, 0)), "no completed after the latch", "completed")
}

// turned plays a saga in which the agent has completed its step, and turns it.
func (b *bench) turned(ctx context.Context, later string) (s *scene, done *events.Event, err error) {
	s = b.scene(b.subject.Case.Completes)
	end := b.gate.hold(s.end(events.SagaCompleted).String())
	defer end.release()
	asked, err := s.ask(ctx)
	if err != nil {
		return s, nil, err
	}
	if done, _, err = s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return s, nil, err
	}
	if b.cfg.Final {
		if err := s.caught(ctx, end, s.end(events.SagaCompleted)); err != nil {
			return s, done, err
		}
	} else if later != "" {
		if _, err := s.perform(ctx, later, []string{b.cfg.Step}, *done, nil); err != nil {
			return s, done, err
		}
	}
	_, err = s.turn(ctx, asked)
	return s, done, err
}

func undoes(ctx context.Context, b *bench) error {
	later := "verify-later"
	if b.cfg.Final {
		later = ""
	}
	s, done, err := b.turned(ctx, later)
	if err != nil {
		return err
	}
	order := s.mine(events.Compensate, 0)
	if later != "" {
		before, _, err := s.until(ctx, s.of(later, events.Compensate, 0, later))
		if err != nil {
			return err
		}
		h, err := s.rest(ctx)
		if err != nil {
			return err
		}
		if h.has(order) || h.has(s.mine(events.Compensated, 0)) {
			return wrong("nothing undone at "+b.cfg.Step+" before "+later+", which followed it", order.Event())
		}
		if _, err := s.write(ctx, s.of(later, events.Compensated, 0, later), *before, events.Undone{By: as, Found: events.FoundUndone}); err != nil {
			return err
		}
		if err := b.ring(ctx, events.Timer{Type: b.cfg.Saga, To: events.Everyone, What: events.AdvanceTimer, ID: s.id, Seq: s.seen}); err != nil {
			return err
		}
	}
	e, h, err := s.until(ctx, s.mine(events.Compensated, 0))
	if err != nil {
		return err
	}
	undone, err := unpack[events.Undone](e)
	if err != nil {
		return err
	}
	d, err := unpack[events.Done](done)
	if err != nil {
		return err
	}
	asked := h.find(order)
	if asked == nil {
		return wrong(order.String()+" before it is undone", "nobody asked")
	}
	data, err := unpack[events.UndoOrder](asked)
	if err != nil {
		return err
	}
	if err := first(
		ensure(same(data.Undo, d.Undo), "the undo token of completed in the order", "%s", short(data.Undo)),
		ensure(data.Reason == events.ReasonCancelled, "reason cancelled in the order, as the latch says", "%q", data.Reason),
		ensure(undone.By != "", "by, who has undone it", "it is empty"),
	); err != nil {
		return err
	}
	_, err = s.back(ctx)
	return err
}

// orphan plays a saga in which nobody knows what the agent's attempt has left.
func (b *bench) orphan(ctx context.Context) (s *scene, failed events.Event, err error) {
	s = b.scene(b.subject.Case.Completes)
	claim, err := s.seize(ctx)
	if err != nil {
		return s, claim, err
	}
	failed, err = s.write(ctx, s.slot(events.Failed, s.n), claim, events.Failure{
		Agent: b.cfg.Agent, Error: events.Error{Code: "timeout", Message: "the provider did not answer"},
		Class: events.Unknown, Left: events.LeftUnknown, Then: events.ThenBack,
	})
	return s, failed, err
}

func undoesUnknown(ctx context.Context, b *bench) error {
	s, failed, err := b.orphan(ctx)
	if err != nil {
		return err
	}
	if _, err := s.turn(ctx, failed); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.mine(events.Compensate, 0)); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.mine(events.Compensated, 0)); err != nil {
		return err
	}
	_, err = s.back(ctx)
	return err
}

func undoRedelivered(ctx context.Context, b *bench) error {
	s, failed, err := b.orphan(ctx)
	if err != nil {
		return err
	}
	again := b.gate.refuse(b.cfg.Agent+"_compensate", 0)
	defer again.drop()
	if _, err := s.turn(ctx, failed); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.mine(events.Compensated, 0)); err != nil {
		return err
	}
	if err := again.wait(ctx); err != nil {
		return wrong("an acknowledgement of the order", "none")
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	if n := len(h.of(events.UndoFailed, b.cfg.Step)); n > 0 {
		return wrong("nothing new", fmt.Sprintf("%d undofailed", n))
	}
	_, err = s.back(ctx)
	return err
}

func undoUnclaimed(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	claim, err := s.claim(ctx, "verify-other", nil, events.Event{Seq: 1})
	if err != nil {
		return err
	}
	if _, err := s.write(ctx, s.mine(events.Compensate, 0), claim, events.UndoOrder{Reason: events.ReasonCancelled, Attempt: 1}); err != nil {
		return err
	}
	if _, err := s.rest(ctx); err != nil {
		return err
	}
	return b.lives(ctx)
}

// stuck plays a saga in which the agent's try at undoing has failed.
func (b *bench) stuck(ctx context.Context, then events.Then) (*scene, events.Event, error) {
	s, failed, err := b.orphan(ctx)
	if err != nil {
		return s, failed, err
	}
	f := events.UndoFailure{Error: events.Error{Code: "down", Message: "the provider is down"}, Then: then}
	if then == events.ThenRetry {
		f.Due = events.Duration(1)
	}
	tried, err := s.write(ctx, s.mine(events.UndoFailed, 1), failed, f)
	if err != nil {
		return s, failed, err
	}
	if _, err := s.turn(ctx, failed); err != nil {
		return s, failed, err
	}
	if _, _, err := s.until(ctx, s.mine(events.Compensate, 0)); err != nil {
		return s, tried, err
	}
	_, err = s.rest(ctx)
	return s, tried, err
}

func redo(ctx context.Context, b *bench) error {
	s, tried, err := b.stuck(ctx, events.ThenPerson)
	if err != nil {
		return err
	}
	if _, err := s.write(ctx, s.mine(events.Redo, 1), tried, events.RedoOrder{By: as, Reason: "the provider is back"}); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.mine(events.Compensated, 0)); err != nil {
		return err
	}
	_, err = s.back(ctx)
	return err
}

func undoTimer(ctx context.Context, b *bench) error {
	s, tried, err := b.stuck(ctx, events.ThenRetry)
	if err != nil {
		return err
	}
	if err := b.ring(ctx, events.Timer{Type: b.cfg.Saga, To: b.cfg.Agent, What: events.UndoTimer, N: 2, ID: s.id, Seq: tried.Seq}); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.mine(events.Compensated, 0)); err != nil {
		return err
	}
	_, err = s.back(ctx)
	return err
}

func deadline(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	claim, err := s.claim(ctx, "verify-other", nil, events.Event{Seq: 1})
	if err != nil {
		return err
	}
	if err := b.ring(ctx, events.Timer{Type: b.cfg.Saga, To: events.Everyone, What: events.DeadlineTimer, ID: s.id, Seq: claim.Seq}); err != nil {
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
		ensure(turn.Reason == events.ReasonDeadline, "reason deadline", "%q", turn.Reason),
		ensure(turn.By != "", "by, who turned it", "it is empty"),
	); err != nil {
		return err
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	return ensure(!h.has(s.end(events.SagaCompensated)), "no end while verify-other works", "saga.compensated")
}

func advance(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	one, err := s.perform(ctx, "verify-one", nil, events.Event{Seq: 1}, nil)
	if err != nil {
		return err
	}
	two, err := s.perform(ctx, "verify-two", []string{"verify-one"}, one, nil)
	if err != nil {
		return err
	}
	if _, err := s.turn(ctx, two); err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.of("verify-two", events.Compensate, 0, "verify-two")); err != nil {
		return err
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	if early := s.of("verify-one", events.Compensate, 0, "verify-one"); h.has(early) {
		return wrong("verify-one undone only after verify-two, which followed it", early.String()+" while verify-two is not undone")
	}
	_, err = s.back(ctx)
	return err
}

func nothingLeft(ctx context.Context, b *bench) error {
	if s, _, _, _, err := b.goes(ctx); err != nil {
		return err
	} else if err := b.once(ctx, s.id); err != nil { // else it would pass whatever it did
		return err
	}
	s, _, err := b.turned(ctx, "")
	if err != nil {
		return err
	}
	if _, err := s.back(ctx); err != nil {
		return err
	}
	return b.nothing(ctx, s.id)
}
