package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// pend says that the attempt was accepted and that its outcome comes later, from
// outside. Then the message is done with: nobody holds one while waiting.
func (r *runner) pend(ctx context.Context, a attempt, w work) error {
	seq, err := r.append(ctx, events.Subject{Type: r.role.Type, Step: r.role.Step, Kind: events.Pending, N: a.n, ID: a.id}, a.cause, *w.wait)
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		if errors.Is(refusal, events.ErrGuarded) {
			return r.overtaken(ctx, a, events.LeftUnknown, refusal.Seq)
		}
		seq = max(refusal.Seq, a.claimed)
	} else if err != nil {
		return err
	}
	// The latch may have come first, and the answer too.
	s, err := r.history(ctx, a.id, seq)
	if err != nil {
		return err
	}
	if s.Orphaned(r.role) {
		return r.undoNow(ctx, s, a.cause, nil)
	}
	if answer := r.concerned(s); answer != nil {
		return r.conclude(ctx, r.waiting(s, a.message, a.cause), answer.Answer)
	}
	return r.settle(ctx, s, a.cause)
}

// concerned is the answer to what this agent waits for in a saga that goes
// forward; nil while there is none.
func (r *runner) concerned(s *saga.State) *saga.Answer {
	st := s.Step(r.role.Step)
	if st == nil || st.Done != nil || s.Turned() || s.Ended() {
		return nil
	}
	if last := st.Last(); !last.Waiting() || last.Claim.Agent != r.role.Agent {
		return nil
	}
	return st.Answer()
}

// waiting is the attempt whose outcome was waited for, to be concluded because
// of a message.
func (r *runner) waiting(s *saga.State, m saga.Message, cause events.Event) attempt {
	st := s.Step(r.role.Step)
	return attempt{
		message: m, cause: cause, id: s.ID, n: st.Last().N, after: st.After, input: s.Input(st.After),
		step: st, length: s.Length, claimed: s.Seq, began: now(),
	}
}

// onAnswer works on what somebody outside says of this agent's step. All agents
// of the step hear of it; the one whose attempt it was makes the outcome.
func (r *runner) onAnswer(ctx context.Context, d events.Delivery) error {
	s, err := r.history(ctx, d.Event.Subject.ID, d.Seq)
	if err != nil {
		return err
	}
	st := s.Step(r.role.Step)
	if st == nil {
		return nil
	}
	m := saga.Message{Trigger: events.Trigger{Stream: d.Stream, Seq: d.Seq}, Subject: d.Event.Subject}
	if answer := r.concerned(s); answer != nil && answer.Seq == d.Seq {
		return r.conclude(ctx, r.waiting(s, m, d.Event), answer.Answer)
	}
	// What was owed before the answer comes first: a step that failed and whose
	// agent died may have the latch still to come.
	if err := r.judge(ctx, m, d.Event, s.ID, s.Seq); err != nil {
		return err
	}
	if s, err = r.history(ctx, s.ID, s.Seq); err != nil {
		return err
	}
	answer := r.unwanted(s, d.Seq)
	if answer == nil {
		return nil
	}
	st = s.Step(r.role.Step)
	late := st.RoundOf(answer.Attempt) < st.Round(r.role.Agent)
	switch u := st.Undo(r.role.Agent); {
	case !late && s.Turned() && u == nil:
		return r.undoNow(ctx, s, d.Event, answer.Undo)
	case !late && s.Turned() && u.Redos < events.MaxRedo:
		// It was undone before. That it is undone again has tries and timers
		// of its own, as when a person asks for it.
		redo := saga.Draft{
			Subject: r.undoSlot(events.Redo, u.Redos+1, s.ID),
			Data:    events.RedoOrder{By: r.instance, Reason: "an answer came too late: " + d.Event.Subject.Event()},
		}
		_, err := r.make(ctx, saga.Moves{Events: []saga.Draft{redo}}, d.Event)
		return err
	default:
		// Another agent has the step. No event says that this one's part was
		// undone: it may get the step back, and would be taken for undone then.
		// Or it has it back: what is asked to be undone is of its last round.
		_, err := r.compensate(ctx, r.order(s, answer.Attempt, answer.Undo), r.logger.With("saga", s.ID))
		return err
	}
}

// unwanted is an answer that says that this agent's part was done, only now: it
// has been undone before, or given up, or another agent has the step. What was
// done outside nobody will ask to undo.
func (r *runner) unwanted(s *saga.State, seq uint64) *saga.Answer {
	st := s.Step(r.role.Step)
	me := r.role.Agent
	i := slices.IndexFunc(st.Answers, func(a saga.Answer) bool { return a.Seq == seq })
	if i < 0 {
		return nil
	}
	a := &st.Answers[i]
	if a.Outcome != events.OutcomeCompleted || a.Attempt > len(st.Attempts) || st.Attempts[a.Attempt-1].Claim.Agent != me {
		return nil
	}
	u := st.Undo(me)
	switch {
	case st.RoundOf(a.Attempt) < st.Round(me):
		return a // what is asked to be undone is of the last round
	case s.Turned() && u == nil && s.Ended():
		return a // else it is asked for, when nobody is at it any more
	case s.Turned() && u != nil && !u.AskedSince(seq):
		return a
	case !s.Turned() && (st.Last().Claim.Agent != me || st.Lost(me)):
		return a
	default:
		return nil
	}
}

// conclude makes the outcome of an attempt of what somebody outside says of it.
func (r *runner) conclude(ctx context.Context, a attempt, said events.Answer) error {
	r.logger.InfoContext(ctx, "answered", "saga", a.id, "attempt", a.n, "outcome", said.Outcome, "by", said.By)
	if said.Outcome == events.OutcomeCompleted {
		undo := said.Undo
		if undo == nil {
			undo, _ = a.step.Token(r.role.Agent)
		}
		w, err := r.read(Result{Data: orNil(said.Data), Undo: orNil(undo)})
		if err == nil {
			w, err = r.shelve(ctx, w)
		}
		switch {
		case errors.Is(err, errStopped):
			return err
		case err != nil:
			return r.fail(ctx, numbered(a), setback(err))
		}
		return r.complete(ctx, a, w)
	}
	b := saga.Setback{
		Class: events.Unavailable, Left: r.kept(a),
		Error: events.Error{Code: string(said.Outcome), Message: cmp.Or(said.Reason, "so says "+cmp.Or(said.By, "somebody outside"))},
	}
	if said.Error != nil {
		b.Error = *said.Error
	}
	switch said.Outcome {
	case events.OutcomeRefused:
		b.Class = events.Refused
	case events.OutcomeExpired:
		b.Class, b.Left, b.GivenUp = events.Unknown, events.LeftUnknown, true
	case events.OutcomeRetry:
		return r.tell(ctx, numbered(a), events.Failure{
			Agent: r.role.Agent, Error: b.Error, Class: events.Transient, Left: b.Left,
			Then: events.ThenRetry, Next: said.Next, Due: said.Due,
		})
	}
	return r.fail(ctx, numbered(a), b)
}

// kept says what is left of an attempt of which somebody says that nothing came:
// whoever gave a token for undoing when it began to wait has left something, and
// an attempt before it may have.
func (r *runner) kept(a attempt) events.Left {
	if token, _ := a.step.Token(r.role.Agent); token != nil || a.step.MayHaveLeft(r.role.Agent) {
		return events.LeftUnknown
	}
	return events.LeftNothing
}

// numbered is the attempt under the number by which its failure is told: that
// of the last claim, which may be a void takeover's.
func numbered(a attempt) attempt {
	a.n = max(a.n, len(a.step.Attempts))
	return a
}

// orNil keeps a token that is absent from becoming a JSON null.
func orNil(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return raw
}

// expire says in the outsider's place that no answer came in time. It is an
// answer like any other: who writes the slot first is heard.
func (r *runner) expire(ctx context.Context, t events.Timer, asked events.Event) error {
	for seq := t.Seq; ; {
		s, err := r.history(ctx, t.ID, seq)
		if err != nil {
			return err
		}
		st := s.Step(r.role.Step)
		if st == nil || !s.Waits(st) || st.Last().N != t.N {
			return r.settle(ctx, s, asked)
		}
		said := events.Answer{
			Outcome: events.OutcomeExpired, Attempt: t.N, By: r.instance,
			Error: &events.Error{Code: "no_answer", Message: fmt.Sprintf("no answer came within %s", time.Duration(st.Last().Wait.Within))},
		}
		k := s.NextAnswer(st.Name)
		if k > events.MaxAnswer {
			return r.conclude(ctx, r.waiting(s, saga.Message{}, asked), said)
		}
		_, err = r.append(ctx, events.Subject{Type: r.role.Type, Step: r.role.Step, Kind: events.Answered, N: k, ID: t.ID}, asked, said)
		refusal, refused := errors.AsType[*events.Refusal](err)
		if !refused {
			return err // the answer is heard as a message of its own
		}
		seq = max(seq, refusal.Seq, s.Seq)
	}
}
