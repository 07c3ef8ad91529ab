package agent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// onUndo works on what comes to the agent from others than the steps before it:
// an order to undo, the saga's or a person's, and answers from outside.
func (r *runner) onUndo(ctx context.Context, d events.Delivery) error {
	if d.Event.Subject.Kind == events.Answered {
		return r.onAnswer(ctx, d)
	}
	id, redo := d.Event.Subject.ID, d.Event.Subject.Kind == events.Redo
	s, err := r.history(ctx, id, d.Seq)
	if err != nil {
		return err
	}
	st := s.Step(r.role.Step)
	if st == nil {
		return nil
	}
	// An order that comes again after a failed try is answered already: its
	// timer will ask.
	u := st.Undo(r.role.Agent)
	if u == nil || u.Done != nil && !redo || u.Tries() > 0 {
		return r.settleUndo(ctx, s, d.Event)
	}
	return r.undoNow(ctx, s, d.Event, nil)
}

// undoNow tries to undo what this agent did in a saga, and says what came of
// it. The token is known when the effect was never recorded; otherwise it is
// in the history.
func (r *runner) undoNow(ctx context.Context, s *saga.State, cause events.Event, token json.RawMessage) error {
	l := r.logger.With("saga", s.ID)
	attempt := 1
	if st := s.Step(r.role.Step); st != nil {
		var known json.RawMessage
		if known, attempt = st.Token(r.role.Agent); token == nil {
			token = known
		}
	}
	found, err := r.compensate(r.countedUndo(ctx, s), r.order(s, attempt, token), l)
	var draft saga.Draft
	switch {
	case errors.Is(err, errStopped):
		return err
	case err != nil:
		draft = r.undoFailed(s, err)
		l.WarnContext(ctx, "undoing failed", "error", err)
	default:
		draft.Subject = r.undoSlot(events.Compensated, 0, s.ID)
		draft.Data = events.Undone{By: r.instance, Found: found}
		l.InfoContext(ctx, "undone", "found", found)
	}
	failed := err != nil
	seq, err := r.make(ctx, saga.Moves{Events: []saga.Draft{draft}}, cause)
	if err != nil {
		return err
	}
	if s, err = r.history(ctx, s.ID, max(seq, s.Seq)); err != nil {
		return err
	}
	if failed {
		return r.settleUndo(ctx, s, cause)
	}
	// What was undone once and is undone again has no slot to say so. In the
	// history it stays outstanding, and its timer would be set for ever.
	return r.settle(ctx, s, cause)
}

func (r *runner) undoFailed(s *saga.State, err error) saga.Draft {
	var u *saga.Undo
	tries := 0
	if st := s.Step(r.role.Step); st != nil {
		if u = st.Undo(r.role.Agent); u != nil {
			tries = len(u.Failures)
		}
	}
	return saga.Draft{
		Subject: r.undoSlot(events.UndoFailed, tries+1, s.ID),
		Data:    r.role.DecideUndo(u, setback(err).Error, r.random()),
	}
}

func (r *runner) undoSlot(k events.Kind, n int, id string) events.Subject {
	return events.Subject{Type: r.role.Type, Step: r.role.Step, Kind: k, N: n, Agent: r.role.Agent, ID: id}
}

func (r *runner) order(s *saga.State, attempt int, token json.RawMessage) Undo {
	typ, step, agent := r.role.Type, r.role.Step, r.role.Agent
	round := s.Step(step).Round(agent)
	if st := s.Step(step); st != nil && attempt > 0 && attempt <= len(st.Attempts) && st.Attempts[attempt-1].Claim.Agent == agent {
		round = st.RoundOf(attempt)
	}
	u := Undo{
		Type: typ, ID: s.ID, Step: step, Agent: agent, Attempt: attempt,
		Key: saga.RoundKey(saga.UndoKey(typ, s.ID, step, agent), round), Of: saga.RoundKey(saga.Key(typ, s.ID, step, agent), round),
		Token: token,
	}
	if s.Turned() {
		u.Reason = s.Turn.Reason
	}
	return u
}

// settleUndo sets the timer of the next try at undoing if one is owed, and
// settles the rest: the other branches go on being undone meanwhile.
func (r *runner) settleUndo(ctx context.Context, s *saga.State, cause events.Event) error {
	if err := r.set(ctx, s.SettleUndo(r.role.Step, r.role.Agent).Timers); err != nil {
		return err
	}
	return r.settle(ctx, s, cause)
}

// onTimer works on a timer of this agent's. It is a question, not an order.
func (r *runner) onTimer(ctx context.Context, d events.Delivery) error {
	t, asked := d.Timer, question(d)
	if t.What == events.AnswerTimer {
		return r.expire(ctx, t, asked)
	}
	if t.What != events.UndoTimer {
		// Held back for an hour, its message would keep from their work all that
		// come by timers too, and need no turn: undoing, and the end of patience.
		if end := r.rails.pace.paused(); time.Until(end) > r.lease {
			t.Due = end
			return r.set(ctx, []events.Timer{t})
		}
		m := saga.Message{Trigger: events.Trigger{Stream: d.Stream, Seq: d.Seq}, Timer: t}
		return r.judge(ctx, m, asked, t.ID, t.Seq)
	}
	s, err := r.history(ctx, t.ID, t.Seq)
	if err != nil {
		return err
	}
	if st := s.Step(r.role.Step); st != nil {
		if u := st.Undo(r.role.Agent); u != nil && u.Outstanding() && !u.Stuck() && len(u.Failures)+1 == t.N {
			return r.undoNow(ctx, s, asked, nil)
		}
	}
	return r.settleUndo(ctx, s, asked)
}

// question is what is worked on when a timer fires, as a cause.
func question(d events.Delivery) events.Event {
	return events.Event{Time: d.Time, TraceParent: d.Timer.TraceParent, TraceState: d.Timer.TraceState}
}

// onTurn works on the latch of any saga of the type: whichever agent is alive
// begins the way back.
func (r *runner) onTurn(ctx context.Context, d events.Delivery) error {
	s, err := r.history(ctx, d.Event.Subject.ID, d.Seq)
	if err != nil {
		return err
	}
	return r.settle(ctx, s, d.Event)
}

// onClock works on a timer of the saga as a whole.
func (r *runner) onClock(ctx context.Context, d events.Delivery) error {
	t, asked := d.Timer, question(d)
	s, err := r.history(ctx, t.ID, t.Seq)
	if err != nil {
		return err
	}
	if s.ID == "" {
		return nil // it has left the stream
	}
	if t.What == events.DeadlineTimer && !s.Turned() {
		seq, err := r.make(ctx, s.Expire(r.instance), asked)
		if err != nil {
			return err
		}
		if s, err = r.history(ctx, t.ID, max(seq, s.Seq)); err != nil {
			return err
		}
	}
	return r.settle(ctx, s, asked)
}
