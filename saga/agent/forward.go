package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// fresh is the age up to which a first delivery is believed without a look at
// the history: no saga ends and leaves the stream in so short a time.
const fresh = time.Minute

// An attempt is what is known when a step is claimed.
type attempt struct {
	message saga.Message
	cause   events.Event // the event that asked for it
	id      string       // of the saga
	n       int
	why     events.Cause
	giveUp  bool           // claim it only to say that it failed
	answer  *events.Answer // what came of it, as somebody outside says
	after   []string
	input   events.Context
	step    *saga.Step // as it was read; nil when nothing was
	length  int        // of the history, as it was read
	claimed uint64     // sequence of the claim
	began   time.Time
	pass    pass // what it was let through with
}

// onForward works on what asks for this agent's step: the steps before it, the
// task, or a hand-over.
func (r *runner) onForward(ctx context.Context, d events.Delivery) error {
	m := saga.Message{Trigger: events.Trigger{Stream: d.Stream, Seq: d.Seq}, Subject: d.Event.Subject}
	// The happy path of a linear saga reads nothing: the message has all that
	// is needed, and the broker refuses a claim that is not to be.
	if r.role.Follows(d.Event) && !d.Redelivered && !d.Old && time.Since(d.Time) < fresh {
		if in, ok := saga.InputFrom(d.Event); ok {
			why := events.CauseStep
			if d.Event.Subject.Kind == events.Submitted {
				why = events.CauseTask
			}
			return r.try(ctx, attempt{
				message: m, cause: d.Event, id: d.Event.Subject.ID, n: 1, why: why, after: r.role.After, input: in,
			})
		}
	}
	return r.judge(ctx, m, d.Event, d.Event.Subject.ID, d.Seq)
}

// judge reads the history, at least up to a sequence, and does what it asks of
// this agent because of a message.
func (r *runner) judge(ctx context.Context, m saga.Message, cause events.Event, id string, atLeast uint64) error {
	s, err := r.history(ctx, id, atLeast)
	if err != nil {
		return err
	}
	call, n, why := s.Forward(r.role, m)
	switch call {
	case saga.UndoOwn:
		return r.undoNow(ctx, s, cause, nil)
	case saga.Pass:
		// An answer that was there before the attempt said that it waits is
		// acknowledged by now: it is for whoever held the attempt.
		if answer := r.concerned(s); answer != nil {
			return r.conclude(ctx, r.waiting(s, m, cause), answer.Answer)
		}
		return r.settle(ctx, s, cause)
	}
	a := attempt{
		message: m, cause: cause, id: id, n: n, why: why, giveUp: call == saga.GiveUp,
		after: r.role.After, step: s.Step(r.role.Step), length: s.Length,
	}
	if a.step != nil {
		a.after = a.step.After
	}
	a.input = s.Input(a.after)
	if m.Subject.Kind == events.Answered {
		a.answer = new(events.Answer)
		if err := cause.Unpack(a.answer); err != nil {
			return err
		}
	}
	return r.try(ctx, a)
}

// try claims an attempt, performs the step, and says what came of it.
func (r *runner) try(ctx context.Context, a attempt) error {
	l := r.logger.With("saga", a.id, "attempt", a.n)
	a.began = now()
	if a.why == events.CauseTask {
		if err := r.accept(a.input.Task); err != nil {
			return r.reject(ctx, a, err, l)
		}
		a.input.Deadline = a.cause.Time.Add(r.cfg.Deadline)
		if err := r.set(ctx, []events.Timer{{
			Type: r.role.Type, To: events.Everyone, What: events.DeadlineTimer, ID: a.id,
			Due: a.input.Deadline, Seq: a.cause.Seq,
		}}); err != nil {
			return err
		}
	}
	if again, err := r.admit(ctx, &a); err != nil {
		return err
	} else if again > 0 {
		return r.judge(ctx, a.message, a.cause, a.id, again)
	}
	defer r.rails.release(&a.pass) // of what is not even performed
	if a.giveUp {
		why := events.Error{Code: "takeovers", Message: fmt.Sprintf("its agent died %d times at it", r.role.MaxTakeovers+1)}
		if a.step.Undone(r.role.Agent) {
			why = events.Error{Code: "undone", Message: "its agent has undone its part, and can say so only once"}
		}
		l.ErrorContext(ctx, "given up", "code", why.Code)
		return r.fail(ctx, a, saga.Setback{Class: events.Unknown, Left: events.LeftUnknown, GivenUp: true, Error: why})
	}
	if a.answer != nil {
		return r.conclude(ctx, a, *a.answer)
	}
	if a.n > 1 && len(r.role.After) == 0 && !r.role.StandIn {
		// The first attempt may have been claimed to say no more than this.
		if err := r.accept(a.input.Task); err != nil {
			return r.unfit(ctx, a, err)
		}
	}
	if holds, back, err := r.holds(ctx, a); err != nil {
		return err
	} else if back != nil {
		l.WarnContext(ctx, "the condition can't be evaluated", "error", back.Error.Message)
		return r.fail(ctx, a, *back)
	} else if !holds {
		return r.skip(ctx, a, l)
	}
	l.DebugContext(ctx, "perform", "cause", a.why)
	w, back, err := r.guarded(ctx, &a, l)
	switch {
	case err != nil:
		return err
	case back != nil:
		l.WarnContext(ctx, "attempt failed", "class", back.Class, "code", back.Error.Code)
		return r.fail(ctx, a, *back)
	case w.wait != nil:
		return r.pend(ctx, a, w)
	default:
		return r.complete(ctx, a, w)
	}
}

// now is read from the wall: a process that sleeps with its machine has a
// monotonic clock that sleeps too.
func now() time.Time { return time.Now().Round(0) }

func (r *runner) task(a attempt) Task {
	return Task{
		Type: r.role.Type, ID: a.id, Step: r.role.Step, Agent: r.role.Agent, Attempt: a.n,
		Key:     saga.RoundKey(saga.Key(r.role.Type, a.id, r.role.Step, r.role.Agent), a.step.Round(r.role.Agent)),
		Payload: a.input.Task, Results: a.input.Results, Refs: a.input.Refs, Deadline: a.input.Deadline,
	}
}

// claim appends the claim of an attempt. When it is refused, or when the step
// was done while an attempt was taken over, it says up to where the history
// has to be read before deciding again.
func (r *runner) claim(ctx context.Context, a *attempt) (again uint64, err error) {
	claim := events.Claim{
		Agent: r.role.Agent, Instance: r.instance, After: a.after, Trigger: a.message.Trigger, Cause: a.why,
	}
	if a.why == events.CauseTask {
		claim.Deadline = a.input.Deadline
	}
	seq, err := r.append(ctx, events.ClaimSubject(r.role.Type, r.role.Step, a.n, a.id), a.cause, claim)
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		return max(refusal.Seq, a.cause.Seq, 1), nil
	}
	if err != nil {
		return 0, err
	}
	a.claimed = seq
	if a.n == 1 {
		return 0, nil
	}
	// Between the look and the claim, a late replica may have said what came of
	// its attempt, or the saga may have turned just above the claim.
	s, err := r.history(ctx, a.id, seq)
	if err != nil {
		return 0, err
	}
	a.step, a.length = s.Step(r.role.Step), s.Length
	if s.Ended() || s.Turned() || a.step.Done != nil || a.step.Attempts[a.n-1].Void() || a.step.Undone(r.role.Agent) && !a.giveUp {
		return seq, nil
	}
	return 0, nil
}

// complete says that the step is done.
func (r *runner) complete(ctx context.Context, a attempt, w work) error {
	// Who is back from a long pause may have been taken over, and what it did
	// be undone by now. Its completion would be accepted all the same: the
	// latch guards it, not the next attempt. So it looks before. What was held
	// for less than a lease nobody took over, and nothing is read.
	if r.late(a) {
		s, err := r.history(ctx, a.id, a.claimed)
		if err != nil {
			return err
		}
		if st := s.Step(r.role.Step); st != nil && st.Overtaken(a.n) {
			return r.unrecorded(ctx, s, a, w)
		}
	}
	if r.role.Pivot && !a.input.Committed {
		if turned, err := r.commit(ctx, a); err != nil {
			return err
		} else if turned != nil {
			return r.unrecorded(ctx, turned, a, w)
		}
		a.input.Committed = true
	}
	done := saga.Attach(events.Done{
		Agent: r.role.Agent, Attempt: a.n, After: a.after, Result: w.result, ResultRef: w.ref, Undo: w.undo,
	}, a.input)
	seq, err := r.append(ctx, r.slot(events.Completed, a.id), a.cause, done)
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		s, err := r.history(ctx, a.id, max(refusal.Seq, a.claimed))
		if err != nil {
			return err
		}
		return r.unrecorded(ctx, s, a, w)
	}
	if err != nil {
		return err
	}
	// skipped has a slot of its own: a twin with another configuration may have
	// skipped the step, and then this effect stands nowhere.
	if a.n > 1 || r.late(a) {
		s, err := r.history(ctx, a.id, seq)
		if err != nil {
			return err
		}
		if st := s.Step(r.role.Step); st != nil && st.Done != nil && st.Done.Skipped {
			return r.unrecorded(ctx, s, a, w)
		}
	}
	if !r.role.Final {
		return nil
	}
	return r.end(ctx, a, saga.After(a.input, r.role.Step, done))
}

// end says that the saga is completed, after its final step.
func (r *runner) end(ctx context.Context, a attempt, all events.Context) error {
	end := events.Subject{Type: r.role.Type, Kind: events.SagaCompleted, ID: a.id}
	_, err := r.append(ctx, end, a.cause, saga.EndWith(all))
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		return r.judge(ctx, a.message, a.cause, a.id, max(refusal.Seq, a.claimed))
	}
	return err
}

// commit says that the saga cannot turn any more: before the pivot's completion,
// so that what follows may rely on it. It returns the history of a saga that has
// turned before. That another attempt said it is as good.
func (r *runner) commit(ctx context.Context, a attempt) (turned *saga.State, err error) {
	_, err = r.append(ctx, events.CommitSubject(r.role.Type, a.id), a.cause,
		events.Commitment{Step: r.role.Step, Agent: r.role.Agent, Attempt: a.n})
	refusal, refused := errors.AsType[*events.Refusal](err)
	if !refused {
		return nil, err
	}
	s, err := r.history(ctx, a.id, max(refusal.Seq, a.claimed))
	if err != nil || s.Committed != nil {
		return nil, err
	}
	return s, nil
}

// unrecorded finds out what became of an effect whose completion is not to be.
// If another attempt of this agent recorded it, it is the same effect under
// the same key, and will be undone with it, unless that was done before this
// late one was made. If another attempt of this agent is at it, the effect is
// that one's. Otherwise nobody will ever ask to undo it: it is undone here and
// now.
func (r *runner) unrecorded(ctx context.Context, s *saga.State, a attempt, w work) error {
	st := s.Step(r.role.Step)
	switch {
	case st == nil:
		return fmt.Errorf("append completed of step %q to saga %s/%s: its claim is gone", r.role.Step, s.Type, s.ID)
	case st.Done != nil && !st.Lost(r.role.Agent):
		return r.settle(ctx, s, a.cause)
	case s.Turned() || st.Lost(r.role.Agent):
		return r.undoNow(ctx, s, a.cause, w.undo)
	case st.Overtaken(a.n):
		return errOvertaken
	default:
		return fmt.Errorf("append completed of step %q to saga %s/%s: it was refused, and the history does not say why yet", r.role.Step, s.Type, s.ID)
	}
}

// fail says that the attempt failed, and what follows.
func (r *runner) fail(ctx context.Context, a attempt, b saga.Setback) error {
	b.Throttled = b.Throttled && a.length < saga.Patience && !r.oneTry
	b.Committed = a.input.Committed
	f := r.role.Decide(a.step, b, r.random())
	r.rails.failed(a.pass, b, f)
	return r.tell(ctx, a, f)
}

// tell says a failure that was decided on.
func (r *runner) tell(ctx context.Context, a attempt, f events.Failure) error {
	seq, err := r.append(ctx, events.Subject{Type: r.role.Type, Step: r.role.Step, Kind: events.Failed, N: a.n, ID: a.id}, a.cause, f)
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		if errors.Is(refusal, events.ErrGuarded) {
			return r.overtaken(ctx, a, f.Left, refusal.Seq)
		}
		seq = max(refusal.Seq, a.claimed)
	} else if err != nil {
		return err
	}
	// The latch may have come first.
	s, err := r.history(ctx, a.id, seq)
	if err != nil {
		return err
	}
	if s.Orphaned(r.role) {
		return r.undoNow(ctx, s, a.cause, nil)
	}
	return r.settle(ctx, s, a.cause)
}

// overtaken lets go of a message that a later attempt holds now. What this one
// may have left is undone with the rest, unless the rest was undone before.
func (r *runner) overtaken(ctx context.Context, a attempt, left events.Left, seq uint64) error {
	s, err := r.history(ctx, a.id, max(seq, a.claimed))
	if err != nil {
		return err
	}
	if st := s.Step(r.role.Step); st != nil && st.Lost(r.role.Agent) && left == events.LeftUnknown {
		if err := r.undoNow(ctx, s, a.cause, nil); err != nil {
			return err
		}
	}
	return errOvertaken
}

// clear undoes what this agent may have left before it hands the step on, or
// skips it.
func (r *runner) clear(ctx context.Context, s *saga.State) error {
	l := r.logger.With("saga", s.ID)
	token, attempt := s.Step(r.role.Step).Token(r.role.Agent)
	_, err := r.compensate(r.countedUndo(ctx, s), r.order(s, attempt, token), l)
	if err != nil && !errors.Is(err, errStopped) {
		l.WarnContext(ctx, "not handed on, nor skipped: what it may have left could not be undone", "error", err)
	}
	return err
}

// slot is an event of this agent's step.
func (r *runner) slot(k events.Kind, id string) events.Subject {
	return events.Subject{Type: r.role.Type, Step: r.role.Step, Kind: k, ID: id}
}
