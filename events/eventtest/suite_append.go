package eventtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

var appendRules = []rule{
	{name: "append/a slot is written once", check: writtenOnce},
	{name: "append/the same event again is the same event", check: sameEventAgain},
	{name: "append/one writer wins a slot", check: oneWinner},
	{name: "append/a guard refuses each kind that it guards", check: guardRefuses},
	{name: "append/what has no guard passes beside the latch", check: unguardedPasses},
	{name: "append/a guard is of its own saga and step and attempt", check: guardIsOwn},
	{name: "append/the guard speaks before the once-only rule", check: guardBeforeOnce},
	{name: "append/an own event is recognised behind its guard", check: ownBehindGuard},
	{name: "append/a saga commits or turns, never both", check: commitOrTurn},
	{name: "append/no forward event above the latch", check: noForwardAboveLatch},
	{name: "append/an illegal subject is no refusal", check: illegalSubject},
	{name: "append/a context that is done is no refusal", check: doneContext},
	{name: "append/no such type", check: appendNoType},
}

func writtenOnce(b *bench) {
	for _, k := range events.Kinds() {
		s := b.subject(k, fmt.Sprintf("%d", k))
		first := b.write(s)
		_, err := b.log.Append(b.ctx, b.event(s))
		b.refused(err, events.ErrTaken, first.Seq)
		b.same(b.history(s.ID, first.Seq), first)
	}
}

func sameEventAgain(b *bench) {
	first := b.write(b.task("1"))
	b.write(b.task("2"))
	seq, err := b.log.Append(b.ctx, first)
	b.must(err, "append the same event again")
	if seq != first.Seq {
		b.Fatalf("the same event again has sequence %d, want %d", seq, first.Seq)
	}
	b.same(b.history("1", seq), first)
}

func oneWinner(b *bench) {
	const writers = 8
	var seq [writers]uint64
	var errs [writers]error
	var run []func()
	for i := range writers {
		e := b.event(b.subject(events.Started, "1"))
		run = append(run, func() { seq[i], errs[i] = b.log.Append(b.ctx, e) })
	}
	together(run...)
	winner := uint64(0)
	for i, err := range errs {
		if err == nil {
			if winner > 0 {
				b.Fatalf("two writers won: %d and %d", winner, seq[i])
			}
			winner = seq[i]
		}
	}
	if winner == 0 {
		b.Fatalf("nobody won: %v", errs)
	}
	for _, err := range errs {
		if err != nil {
			b.refused(err, events.ErrTaken, winner)
		}
	}
	if h := b.history("1", winner); len(h) != 1 {
		b.Fatalf("the slot holds %d events", len(h))
	}
}

func guardRefuses(b *bench) {
	guarded := 0
	for _, k := range events.Kinds() {
		s := b.subject(k, fmt.Sprintf("%d", k))
		guard, ok := s.Guard()
		if !ok {
			continue
		}
		guarded++
		stands := b.write(guard)
		_, err := b.log.Append(b.ctx, b.event(s))
		b.refused(err, events.ErrGuarded, stands.Seq)
		b.same(b.history(s.ID, stands.Seq), stands)
	}
	if guarded != 10 {
		b.Fatalf("%d kinds are guarded, want 10", guarded)
	}
}

func unguardedPasses(b *bench) {
	want := []events.Event{b.write(b.subject(events.Unwinding, "1"))}
	for _, k := range events.Kinds() {
		s := b.subject(k, "1")
		if guard, ok := s.Guard(); !ok || guard.Kind == events.Attempt {
			want = append(want, b.write(s))
		}
	}
	b.same(b.history("1", 0), want...)
}

func guardIsOwn(b *bench) {
	b.write(b.subject(events.Unwinding, "1"))
	b.write(b.subject(events.Started, "2"))
	b.write(b.subject(events.Started, "11"))
	b.write(events.ClaimSubject(b.typ, "a", 3, "2"))
	failed := b.subject(events.Failed, "2")
	b.write(failed) // attempt 3 stands, 2 does not
	failed.Step, failed.N = "other", 2
	b.write(failed) // attempt 3 of another step stands
	failed.Step = "a"
	_, err := b.log.Append(b.ctx, b.event(failed))
	if !errors.Is(err, events.ErrGuarded) {
		b.Fatalf("outcome of attempt 2 while attempt 3 stands: %v", err)
	}
}

func guardBeforeOnce(b *bench) {
	b.write(b.subject(events.Completed, "1"))
	latch := b.write(b.subject(events.Unwinding, "1"))
	_, err := b.log.Append(b.ctx, b.event(b.subject(events.Completed, "1")))
	b.refused(err, events.ErrGuarded, latch.Seq)
}

func ownBehindGuard(b *bench) {
	for _, k := range events.Kinds() {
		own := b.write(b.subject(k, fmt.Sprintf("%d", k)))
		guard, ok := own.Subject.Guard()
		if !ok {
			continue
		}
		if k == events.Unwinding || k == events.Committed {
			continue // each guards the other: the second can't be written
		}
		b.write(guard)
		seq, err := b.log.Append(b.ctx, own)
		b.must(err, "append an own event again, behind its guard")
		if seq != own.Seq {
			b.Fatalf("own %s has sequence %d, want %d", own.Subject, seq, own.Seq)
		}
	}
}

func commitOrTurn(b *bench) {
	for round := range 20 {
		id := fmt.Sprint(round)
		latch, commit := b.event(b.subject(events.Unwinding, id)), b.event(b.subject(events.Committed, id))
		var turned, committed uint64
		var noTurn, noCommit error
		together(
			func() { turned, noTurn = b.log.Append(b.ctx, latch) },
			func() { committed, noCommit = b.log.Append(b.ctx, commit) },
		)
		switch {
		case noTurn == nil && noCommit == nil:
			b.Fatalf("the saga turned at %d and committed at %d", turned, committed)
		case noTurn == nil:
			b.refused(noCommit, events.ErrGuarded, turned)
		default:
			b.must(noCommit, "the latch was refused, so append the commitment")
			b.refused(noTurn, events.ErrGuarded, committed)
		}
		if h := b.history(id, max(turned, committed)); len(h) != 1 {
			b.Fatalf("the saga has %d events", len(h))
		}
	}
}

func noForwardAboveLatch(b *bench) {
	for round := range 20 {
		id := fmt.Sprint(round)
		latch, done := b.event(b.subject(events.Unwinding, id)), b.event(b.subject(events.Completed, id))
		var turned, did uint64
		var noTurn, refusal error
		together(
			func() { turned, noTurn = b.log.Append(b.ctx, latch) },
			func() { did, refusal = b.log.Append(b.ctx, done) },
		)
		b.must(noTurn, "append the latch")
		switch {
		case refusal != nil:
			b.refused(refusal, events.ErrGuarded, turned)
		case did > turned:
			b.Fatalf("completed at %d above the latch at %d", did, turned)
		}
	}
}

func illegalSubject(b *bench) {
	for _, s := range []events.Subject{
		{},
		{Type: b.typ, Kind: events.Started, ID: "1"},
		{Type: b.typ, Kind: events.Started, Step: "task", ID: "1"},
		{Type: b.typ, Kind: events.Started, Step: "a.b", ID: "1"},
		{Type: b.typ, Kind: events.Submitted, ID: "*"},
		{Type: b.typ, Kind: events.Submitted, ID: "1 2"},
		{Type: b.typ, Kind: events.Submitted},
	} {
		seq, err := b.log.Append(b.ctx, events.Event{Subject: s, ID: "x", Data: []byte("{}")})
		if _, refusal := errors.AsType[*events.Refusal](err); err == nil || refusal || seq != 0 {
			b.Fatalf("append of illegal subject %q: sequence %d, error %v", s, seq, err)
		}
	}
}

func doneContext(b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	_, err := b.log.Append(ctx, b.event(b.task("1")))
	if !errors.Is(err, context.Canceled) {
		b.Fatalf("append with a context that is done: want its error, got %v", err)
	}
}

func appendNoType(b *bench) {
	_, err := b.log.Append(b.ctx, b.event(events.TaskSubject(freshType(), "1")))
	if !errors.Is(err, events.ErrNoType) {
		b.Fatalf("append to a type without a stream: want ErrNoType, got %v", err)
	}
}
