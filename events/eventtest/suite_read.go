package eventtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/events"
)

var readRules = []rule{
	{name: "types/each is listed once, and ensured twice", check: typesListed},
	{name: "types/an illegal one is refused", check: illegalType},
	{name: "history/complete, in order, as it was written", check: historyComplete},
	{name: "history/of one saga alone", check: historyAlone},
	{name: "history/at least up to a sequence", check: historyAtLeast},
	{name: "history/no such saga is empty", check: historyEmpty},
	{name: "history/no such type", check: historyNoType},
	{name: "follow/from the first event, and then live", check: followLive},
	{name: "follow/from a sequence", check: followFrom},
	{name: "follow/one saga alone", check: followOne},
	{name: "follow/ends with the error of who sees", check: followError},
	{name: "follow/no such type", check: followNoType},
	{name: "scan/what is there, in order, and no more", check: scanAll},
	{name: "scan/nothing is there", check: scanNothing},
	{name: "scan/ends with the error of who sees", check: scanError},
	{name: "scan/no such type", check: scanNoType},
}

func typesListed(b *bench) {
	task := b.write(b.task("1"))
	other := freshType()
	b.must(b.log.Ensure(b.ctx, b.typ), "ensure a type again")
	b.must(b.log.Ensure(b.ctx, other), "ensure a second type")
	types, err := b.log.Types(b.ctx)
	b.must(err, "list types")
	for _, typ := range []string{b.typ, other} {
		n := 0
		for _, listed := range types {
			if listed == typ {
				n++
			}
		}
		if n != 1 {
			b.Fatalf("type %q is listed %d times in %q", typ, n, types)
		}
	}
	if slices.Contains(types, "TIMERS") {
		b.Fatalf("the timers are no saga type: %q", types)
	}
	b.same(b.history("1", task.Seq), task)
}

func illegalType(b *bench) {
	for _, typ := range []string{"", "A", "a.b", "a*", ">"} {
		if b.log.Ensure(b.ctx, typ) == nil {
			b.Fatalf("ensured type %q", typ)
		}
	}
}

func historyComplete(b *bench) {
	var want []events.Event
	put := func(e events.Event) {
		seq, err := b.log.Append(b.ctx, e)
		b.must(err, "append")
		e.Seq = seq
		want = append(want, e)
	}
	cause := events.Event{
		ID:          "cause with \"quotes\", 100% and Ümläute",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		TraceState:  "vendor=a,b=c d",
	}
	for _, k := range events.Kinds() {
		if k == events.Attempt || k == events.Unwinding {
			continue // they would refuse what follows
		}
		e, err := events.New(b.subject(k, "1"), "agent a/1", cause, map[string]string{"key": "value ü"})
		b.must(err, "make an event")
		put(e)
		put(b.event(b.task(fmt.Sprintf("other-%d", k))))
	}
	var own []events.Event
	for _, e := range want {
		if e.Subject.ID == "1" {
			own = append(own, e)
		}
	}
	got := b.history("1", 0)
	b.same(got, own...)
	for i := range got[1:] {
		if got[i].Seq >= got[i+1].Seq || got[i].Time.After(got[i+1].Time) {
			b.Fatalf("events %d and %d are not in order", i, i+1)
		}
	}
}

func historyAlone(b *bench) {
	other := freshType()
	b.must(b.log.Ensure(b.ctx, other), "ensure a second type")
	want := b.write(b.task("ab"))
	for _, id := range []string{"a", "b", "abc", "AB", "ab-", "-ab", "ab_"} {
		b.write(b.task(id))
	}
	b.write(events.TaskSubject(other, "ab"))
	b.same(b.history("ab", 0), want)
}

func historyAtLeast(b *bench) {
	first := b.write(b.task("1"))
	type answer struct {
		history []events.Event
		err     error
	}
	answered := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	go func() {
		history, err := b.log.History(ctx, b.typ, "1", first.Seq+2)
		answered <- answer{history, err}
	}()
	quiet(b, answered, silence/4)
	second := b.write(b.subject(events.Started, "1"))
	b.write(b.task("2"))
	a := await(b, answered, "a history")
	b.must(a.err, "read a history")
	b.same(a.history, first, second)

	brief, cancel := context.WithTimeout(b.ctx, silence)
	defer cancel()
	if _, err := b.log.History(brief, b.typ, "1", first.Seq+100); !errors.Is(err, context.DeadlineExceeded) {
		b.Fatalf("a history up to what is not there: want the context's error, got %v", err)
	}
}

func historyEmpty(b *bench) {
	empty := func() {
		if h := b.history("nobody", 0); len(h) != 0 {
			b.Fatalf("the history of an unknown saga has %d events", len(h))
		}
	}
	empty()
	b.write(b.task("1"))
	empty()
}

func historyNoType(b *bench) {
	if _, err := b.log.History(b.ctx, freshType(), "1", 0); !errors.Is(err, events.ErrNoType) {
		b.Fatalf("want ErrNoType, got %v", err)
	}
}

// follow passes each event to the channel.
func (b *bench) follow(id string, from uint64) (seen chan events.Event, stop func()) {
	seen = make(chan events.Event, 100)
	return seen, b.background("follow", func(ctx context.Context) error {
		return b.log.Follow(ctx, b.typ, id, from, func(e events.Event) error { seen <- e; return nil })
	})
}

func (b *bench) seen(by <-chan events.Event, want ...events.Event) {
	b.Helper()
	for _, e := range want {
		b.equal(await(b, by, e.Subject.String()), e)
	}
}

func followLive(b *bench) {
	seen, stop := b.follow("", 0)
	live := b.write(b.task("1"))
	b.seen(seen, live)
	more := b.write(b.task("2"))
	b.seen(seen, more)

	late, _ := b.follow("", 0)
	b.seen(late, live, more)
	stop()
	b.seen(late, b.write(b.task("3")))
	quiet(b, seen, silence/4)
}

func followFrom(b *bench) {
	b.write(b.task("1"))
	second, third := b.write(b.task("2")), b.write(b.task("3"))
	seen, _ := b.follow("", second.Seq)
	b.seen(seen, second, third)
	future, _ := b.follow("", third.Seq+2)
	fourth, fifth := b.write(b.task("4")), b.write(b.task("5"))
	b.seen(seen, fourth, fifth)
	b.seen(future, fifth)
}

func followOne(b *bench) {
	first := b.write(b.task("1"))
	b.write(b.task("11"))
	seen, _ := b.follow("1", 0)
	b.write(b.task("2"))
	b.seen(seen, first, b.write(b.subject(events.Started, "1")))
	b.write(b.task("12"))
	quiet(b, seen, silence/4)
}

func followError(b *bench) {
	b.write(b.task("1"))
	b.write(b.task("2"))
	enough, seen := errors.New("enough"), 0
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := b.log.Follow(ctx, b.typ, "", 0, func(events.Event) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 {
		b.Fatalf("saw %d events and got %v, want one and the error of who sees", seen, err)
	}
}

func followNoType(b *bench) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := b.log.Follow(ctx, freshType(), "", 0, func(events.Event) error { return nil })
	if !errors.Is(err, events.ErrNoType) {
		b.Fatalf("want ErrNoType, got %v", err)
	}
}
