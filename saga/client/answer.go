package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// Answer says how a step ended whose outcome comes from outside, or that failed
// after the pivot and waits for a person. The agent whose attempt it is makes
// the outcome of it; it also checks the result, and one that is not acceptable
// is a failure of that attempt.
//
// It reads first, and says no where nobody would listen: [ErrNotWaiting],
// [ErrAnswered] with who was first, [ErrTurned], [ErrEnded]. Whoever answers for
// an attempt that it names may do so before that attempt says that it waits:
// callbacks are fast.
//
// When an error is returned, nothing was written, but for one case, which the
// error tells: the saga moved between the look and the write. An effect that did
// happen where nobody waits for it any more is a matter for [AnswerLate].
func Answer(ctx context.Context, log events.Log, typ, id, step string, a events.Answer) error {
	at := answer{ctx: ctx, log: log, typ: typ, id: id, step: step, Answer: a, named: a.Attempt > 0,
		attempt: fmt.Sprintf("answer step %q of saga %s/%s", step, typ, id)}
	if err := at.check(); err != nil {
		return fmt.Errorf("%s: %w", at.attempt, err)
	}
	return at.write(at.heard)
}

// AnswerLate says that an effect did happen that nobody waits for any more: the
// saga has turned or ended, or another agent has the step by now. The agent
// whose attempt it was undoes it. The attempt must be named, and the outcome be
// completed. While somebody waits for it, it is [ErrWaiting].
func AnswerLate(ctx context.Context, log events.Log, typ, id, step string, a events.Answer) error {
	at := answer{ctx: ctx, log: log, typ: typ, id: id, step: step, Answer: a, named: true,
		attempt: fmt.Sprintf("report what was done at step %q of saga %s/%s", step, typ, id)}
	err := at.check()
	switch {
	case err != nil:
	case a.Outcome != events.OutcomeCompleted:
		err = fmt.Errorf("%w: of what did not happen nothing is left to be undone", ErrBadAnswer)
	case a.Attempt < 1:
		err = fmt.Errorf("%w: it names no attempt, and so nobody who would undo it", ErrBadAnswer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at.attempt, err)
	}
	return at.write(at.unwanted)
}

// An answer is one that is being given.
type answer struct {
	ctx           context.Context
	log           events.Log
	typ, id, step string
	attempt       string // in words
	named         bool   // the caller knows which attempt it speaks of
	events.Answer
}

// A judge says what is against an answer, given the history that it would be
// written to.
type judge func(history []events.Event, s *saga.State, st *saga.Step, e events.Event) error

// check says what is wrong with an answer, whatever the saga.
func (a *answer) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadAnswer, fmt.Sprintf(format, args...))
	}
	if err := events.ValidStep(a.step); err != nil {
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	outcomes := []events.Outcome{events.OutcomeCompleted, events.OutcomeRefused, events.OutcomeUnavailable, events.OutcomeRetry}
	done := a.Outcome == events.OutcomeCompleted
	switch size := len(a.Data) + len(a.Undo); {
	case !slices.Contains(outcomes, a.Outcome):
		return bad("outcome %q: want completed, refused, unavailable or retry", a.Outcome)
	case !done && (a.Data != nil || a.Undo != nil):
		return bad("only what is completed has a result or a token for undoing")
	case done && a.Error != nil:
		return bad("what is completed has no error")
	case a.Outcome != events.OutcomeRetry && (a.Next != "" || a.Due != 0):
		return bad("next and due belong to the outcome retry")
	case a.Due < 0:
		return bad("due: it must not be negative")
	case a.Attempt < 0 || a.Attempt > events.MaxAttempt:
		return bad("attempt %d: want 1 to %d", a.Attempt, events.MaxAttempt)
	case a.Data != nil && !json.Valid(a.Data):
		return bad("the result is not JSON")
	case a.Undo != nil && !json.Valid(a.Undo):
		return bad("the token for undoing is not JSON")
	case size > events.MaxPayload:
		return bad("the result has %d bytes, %d are allowed", size, events.MaxPayload)
	}
	return nil
}

// write writes the answer if nothing is against it, and looks once more at what
// stands before it then.
func (a *answer) write(against judge) error {
	for seq := uint64(0); ; {
		s, history, err := Load(a.ctx, a.log, a.typ, a.id, seq)
		if err != nil {
			return fmt.Errorf("%s: %w", a.attempt, err)
		}
		st := s.Step(a.step)
		if st == nil {
			return refuse(a.attempt, ErrNotWaiting, "no such step; "+steps(s))
		}
		if !a.named {
			a.Attempt = st.Last().N
		}
		at := events.Subject{Type: a.typ, Step: a.step, Kind: events.Answered, N: min(s.NextAnswer(a.step), events.MaxAnswer), ID: a.id}
		e, err := events.New(at, cmp.Or(a.By, "somebody"), events.Event{}, a.Answer)
		if err != nil {
			return fmt.Errorf("%s: %w", a.attempt, err)
		}
		if err := against(history, s, st, e); err != nil {
			return err
		}
		switch k := s.NextAnswer(a.step); {
		case k == events.MaxAnswer && a.Outcome != events.OutcomeCompleted && (a.Outcome == events.OutcomeRetry || s.Committed != nil):
			return refuse(a.attempt, ErrAnswers, "the last one must bring the step to its end: do it by hand, and say so with `unwind inbox resolve`")
		case k > events.MaxAnswer:
			return refuse(a.attempt, ErrAnswers, fmt.Sprintf("`unwind saga show %s %s --events` tells them", a.typ, a.id))
		}
		e.Seq, err = a.log.Append(a.ctx, e)
		if refusal, ok := errors.AsType[*events.Refusal](err); ok {
			// Somebody answered at the same moment.
			if seq, err = upTo(a.ctx, seq, refusal); err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a.attempt, err)
		}
		return a.overtaken(against, e)
	}
}

// overtaken looks at what the answer came upon. Nothing guards it: the saga may
// have turned between the look and the write.
func (a *answer) overtaken(against judge, e events.Event) error {
	_, history, err := Load(a.ctx, a.log, a.typ, a.id, e.Seq)
	if err != nil {
		return fmt.Errorf("%s: it is written, but what came of it could not be read: %w", a.attempt, err)
	}
	before := slices.DeleteFunc(history, func(h events.Event) bool { return h.Seq >= e.Seq })
	s, err := saga.Fold(before)
	if err != nil {
		return fmt.Errorf("%s: %w", a.attempt, err)
	}
	if err := against(before, s, s.Step(a.step), e); err != nil {
		return fmt.Errorf("%w\nhint: this happened just before your answer was written; it stands in the history, and what it says was done is undone", err)
	}
	return nil
}

// counts reports whether the fold would hear the answer.
func (a *answer) counts(history []events.Event, s *saga.State, e events.Event) bool {
	e.Seq, e.Time = s.Seq+1, s.Time
	after, err := saga.Fold(append(slices.Clone(history), e))
	if err != nil {
		return false
	}
	heard := after.Step(a.step).Answer()
	return heard != nil && heard.Seq == e.Seq
}

// heard says why nobody would listen; nil when somebody would.
func (a *answer) heard(history []events.Event, s *saga.State, st *saga.Step, e events.Event) error {
	last := st.Last()
	show := fmt.Sprintf("`unwind saga show %s %s` tells how it stands", a.typ, a.id)
	stranded := s.Stranded(st)
	switch before := st.Answer(); {
	case s.Ended():
		return refuse(a.attempt, ErrEnded, a.late(fmt.Sprintf("it is %s since %s", s.Status(), s.End.Time.Format("2006-01-02 15:04:05 MST"))))
	case s.Turned():
		return refuse(a.attempt, ErrTurned, a.late(fmt.Sprintf("it turned at %s (%s)", s.Turn.Time.Format("15:04:05 MST"), s.Turn.Reason)))
	case st.Done != nil && before != nil:
		return refuse(a.attempt, ErrAnswered, first(before))
	case st.Done != nil:
		return refuse(a.attempt, ErrNotWaiting, a.late(fmt.Sprintf("%s has completed it", st.Done.Agent)))
	case before != nil:
		return refuse(a.attempt, ErrAnswered, first(before))
	case a.Attempt > len(st.Attempts) || st.Attempts[a.Attempt-1].Claim.Agent != last.Claim.Agent:
		return refuse(a.attempt, ErrNotWaiting, a.others(s, st))
	case last.Open() && !a.named: // one that is named says soon that it waits
		return refuse(a.attempt, ErrNotWaiting, fmt.Sprintf("%s is at work on it, attempt %d; %s", last.Claim.Agent, last.N, show))
	case stranded && a.Outcome != events.OutcomeCompleted && a.Outcome != events.OutcomeRetry:
		return refuse(a.attempt, ErrCommitted, fmt.Sprintf(
			"it failed after the pivot %s, there is no way back: do it by hand and say completed, or let an agent retry", s.Committed.Step))
	case a.Next != "" && !slices.Contains(st.Agents(), a.Next):
		return refuse(a.attempt, fmt.Errorf("%w: agent %q has no part in it", ErrBadAnswer, a.Next),
			"hand it to one of "+strings.Join(st.Agents(), ", "))
	case !stranded && !s.Waits(st) && !last.Open(), !a.counts(history, s, e):
		return refuse(a.attempt, ErrNotWaiting, a.others(s, st))
	}
	return nil
}

// unwanted says why there is nothing to report.
func (a *answer) unwanted(_ []events.Event, s *saga.State, st *saga.Step, _ events.Event) error {
	if a.Attempt > len(st.Attempts) {
		return refuse(a.attempt, ErrBadAnswer, fmt.Sprintf("there are %d attempts at it so far", len(st.Attempts)))
	}
	agent := st.Attempts[a.Attempt-1].Claim.Agent
	done := st.Done != nil && st.Done.Agent == agent
	switch {
	case !s.Turned() && done:
		return refuse(a.attempt, ErrAnswered, fmt.Sprintf("%s has completed it at %s", agent, st.Done.Time.Format("2006-01-02 15:04:05 MST")))
	case !s.Turned() && !s.Ended() && st.Done == nil && st.Last().Claim.Agent == agent:
		return refuse(a.attempt, ErrWaiting, "answer it")
	}
	return nil
}

// late adds what to do for whoever did something after all.
func (a *answer) late(why string) string {
	if a.Outcome != events.OutcomeCompleted {
		return why
	}
	return why + "; if it was done all the same, say so with --late --attempt <n>, and it is undone"
}

// others says who has the step now.
func (a *answer) others(s *saga.State, st *saga.Step) string {
	last := st.Last()
	return fmt.Sprintf("the step is %s, its last attempt is %d, by %s; `unwind saga show %s %s` tells more",
		st.Status(s), last.N, last.Claim.Agent, a.typ, a.id)
}

// first says who answered.
func first(a *saga.Answer) string {
	text := fmt.Sprintf("%s was first, at %s, and said %s", cmp.Or(a.By, "somebody"), a.Time.Format("2006-01-02 15:04:05 MST"), a.Outcome)
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}
