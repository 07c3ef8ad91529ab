package eventtest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// Rules of a log that can be read from where somebody stopped.
var scannerRules = []rule{
	{name: "from/a scan goes on where the last one stopped", check: scanOn},
	{name: "from/who sees enough is told where to go on", check: scanStops},
	{name: "from/what is no event is not read again", check: scanPast, raw: true},
	{name: "from/it is known how far a type reaches", check: extent},
	{name: "from/a type that is not there has no end", check: extentNoType},
}

// from lists the sagas whose events a scan from a sequence on shows.
func (b *bench) from(seq uint64) (ids []string, next uint64) {
	b.Helper()
	next, err := b.log.ScanFrom(b.ctx, b.typ, seq, func(e events.Event) error {
		ids = append(ids, e.Subject.ID)
		return nil
	})
	b.must(err, "scan")
	return ids, next
}

func scanOn(b *bench) {
	next := uint64(0)
	for round := range 4 {
		var want []string
		for i := range round * 50 {
			id := fmt.Sprintf("%d-%d", round, i)
			b.write(b.task(id))
			want = append(want, id)
		}
		got, to := b.from(next)
		if !slices.Equal(got, want) {
			b.Fatalf("round %d shows %q, want %q", round, got, want)
		}
		next = to
	}
	if got, to := b.from(next + 100); len(got) > 0 || to != next+100 {
		b.Fatalf("from beyond the end it shows %q and goes on from %d, want nothing, and %d", got, to, next+100)
	}
}

func scanStops(b *bench) {
	first, second := b.write(b.task("1")), b.write(b.task("2"))
	enough, seen := errors.New("enough"), 0
	next, err := b.log.ScanFrom(b.ctx, b.typ, first.Seq, func(events.Event) error {
		if seen++; seen == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || next != second.Seq {
		b.Fatalf("it goes on from %d and says %v, want %d and the error of who sees", next, err, second.Seq)
	}
}

func scanPast(b *bench) {
	b.write(b.task("1"))
	b.publish("saga."+b.typ+".what.is.this", nil, "nobody knows")
	_, next := b.from(0)
	reach, err := b.log.Extent(b.ctx, b.typ)
	b.must(err, "extent")
	if next != reach.Last+1 {
		b.Fatalf("the next scan goes on from %d, want %d", next, reach.Last+1)
	}
}

func extent(b *bench) {
	began, err := b.log.Extent(b.ctx, b.typ)
	b.must(err, "extent")
	if began.Last != 0 || began.Born.IsZero() || time.Since(began.Born) > time.Hour {
		b.Fatalf("a new type: %+v, want the moment of its birth, and no event", began)
	}
	e := b.write(b.task("1"))
	reach, err := b.log.Extent(b.ctx, b.typ)
	b.must(err, "extent")
	if reach.Last != e.Seq || !reach.Born.Equal(began.Born) {
		b.Fatalf("after event %d it is %+v, before it was %+v", e.Seq, reach, began)
	}
}

func extentNoType(b *bench) {
	if _, err := b.log.Extent(b.ctx, freshType()); !errors.Is(err, events.ErrNoType) {
		b.Fatalf("want ErrNoType, got %v", err)
	}
}
