package eventtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/events"
)

// scan lists the sagas whose events a scan shows.
func (b *bench) scan() (ids []string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.must(b.log.Scan(ctx, b.typ, func(e events.Event) error {
		ids = append(ids, e.Subject.ID)
		return nil
	}), "scan")
	return ids
}

func (b *bench) scans(want []string) {
	b.Helper()
	if got := b.scan(); !slices.Equal(got, want) {
		b.Fatalf("a scan shows %d sagas, %.200q, want %d", len(got), got, len(want))
	}
}

// scanAll has more events than a reader asks for at once.
func scanAll(b *bench) {
	var want []string
	for i := range 2500 {
		id := fmt.Sprint(i)
		if _, err := b.log.Append(b.ctx, b.event(b.task(id))); err != nil {
			b.Fatalf("append: %v", err)
		}
		want = append(want, id)
		if i == 0 || i == 127 || i == 1023 {
			b.scans(want)
		}
	}
	b.scans(want)
}

func scanNothing(b *bench) { b.scans(nil) }

func scanError(b *bench) {
	b.write(b.task("1"))
	b.write(b.task("2"))
	enough, seen := errors.New("enough"), 0
	err := b.log.Scan(b.ctx, b.typ, func(events.Event) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 {
		b.Fatalf("saw %d events and got %v, want one and the error of who sees", seen, err)
	}
}

func scanNoType(b *bench) {
	err := b.log.Scan(b.ctx, freshType(), func(events.Event) error { return nil })
	if !errors.Is(err, events.ErrNoType) {
		b.Fatalf("want ErrNoType, got %v", err)
	}
}

func scanForeign(b *bench) {
	b.write(b.task("1"))
	b.publish("saga."+b.typ+".what.is.this", nil, "nobody knows")
	b.scans([]string{"1"})
}
