package eventtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
)

var consumeRules = []rule{
	{name: "consume/in order, what passes the filters", check: consumeFilters},
	{name: "consume/no filter is everything", check: consumeAll},
	{name: "consume/acknowledged is gone", check: ackedIsGone},
	{name: "consume/what runs out comes again", check: runsOut},
	{name: "consume/what is extended does not run out", check: extended},
	{name: "consume/a late acknowledgement counts", check: lateAck},
	{name: "consume/released comes again after a while, and holds up nobody", check: released},
	{name: "consume/no more at a time than asked for", check: concurrency},
	{name: "consume/instances share the work", check: instancesShare},
	{name: "consume/names hear the same", check: namesHearSame},
	{name: "consume/durable across a stop", check: durable},
	{name: "consume/what a stopped instance held comes to another", check: orphans},
	{name: "consume/waits for the calls under way", check: waitsForCalls},
	{name: "consume/old is from before the consumer", check: old},
	{name: "consume/a new consumer reaches back so far", check: reach},
	{name: "consume/no such type", check: consumeNoType},
}

func consumeFilters(b *bench) {
	first := b.write(b.task("1"))
	started := b.write(b.subject(events.Started, "1"))
	completed := b.write(b.subject(events.Completed, "1"))
	tasks, _ := b.consume(events.Consumer{Name: "tasks", Filters: b.submitted()})
	steps, _ := b.consume(events.Consumer{Name: "steps", Filters: []string{
		"saga." + b.typ + ".a.completed.*", b.subject(events.Started, "1").Filter(),
	}})
	b.ack(tasks, first)
	b.ack(steps, started)
	b.ack(steps, completed)
	second := b.write(b.task("2"))
	b.write(b.subject(events.Compensate, "1"))
	started2 := b.write(b.subject(events.Started, "2"))
	b.ack(tasks, second)
	b.ack(steps, started2)
	quiet(b, tasks, silence/4)
	quiet(b, steps, silence/4)
}

func consumeAll(b *bench) {
	first := b.write(b.task("1"))
	all, _ := b.consume(events.Consumer{Name: "all"})
	second := b.write(b.subject(events.Unwinding, "2"))
	b.ack(all, first)
	b.ack(all, second)
}

func ackedIsGone(b *bench) {
	e := b.write(b.task("1"))
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted(), Lease: short})
	if d := b.ack(got, e); d.Redelivered {
		b.Fatalf("a first delivery says that it is redelivered")
	}
	quiet(b, got, short+silence)
}

func runsOut(b *bench) {
	e := b.write(b.task("1"))
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted(), Lease: short, Concurrency: 3})
	first := time.Now()
	b.delivered(got, e)
	again := b.delivered(got, e)
	if held := time.Since(first); !again.Redelivered || held < short/2 {
		b.Fatalf("redelivered: %v after %v, want true after %v", again.Redelivered, held, short)
	}
	if d := b.ack(got, e); !d.Redelivered {
		b.Fatalf("a third delivery says that it is the first")
	}
	quiet(b, got, short+silence)
}

func extended(b *bench) {
	e := b.write(b.task("1"))
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted(), Lease: 2 * short, Concurrency: 2})
	d := b.delivered(got, e)
	for range 10 {
		quiet(b, got, short/2)
		b.must(d.Extend(), "extend")
	}
	b.must(d.Ack(), "acknowledge")
	quiet(b, got, 2*short+silence)
}

func lateAck(b *bench) {
	e := b.write(b.task("1"))
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted(), Lease: short, Concurrency: 2})
	d := b.delivered(got, e)
	b.delivered(got, e)
	b.must(d.Ack(), "acknowledge late")
	quiet(b, got, short+silence)
}

func released(b *bench) {
	first, second := b.write(b.task("1")), b.write(b.task("2"))
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted()})
	d := b.delivered(got, first)
	since := time.Now()
	b.must(d.Release(silence), "release")
	b.ack(got, second)
	d = b.delivered(got, first)
	if away := time.Since(since); !d.Redelivered || away < silence*9/10 {
		b.Fatalf("redelivered: %v after %v, want true after %v", d.Redelivered, away, silence)
	}
	b.must(d.Release(0), "release at once")
	b.ack(got, first)
	quiet(b, got, silence/4)
}

func concurrency(b *bench) {
	const calls, messages = 3, 7
	for i := range messages {
		b.write(b.task(fmt.Sprint(i)))
	}
	entered, leave := make(chan string, messages), make(chan struct{})
	b.handle(events.Consumer{Name: "c", Filters: b.submitted(), Concurrency: calls}, func(ctx context.Context, d events.Delivery) {
		entered <- d.Subject
		select {
		case <-leave:
			_ = d.Ack()
		case <-ctx.Done():
		}
	})
	heard := map[string]bool{}
	for i := range messages {
		heard[await(b, entered, "a call")] = true
		if i+1 >= calls { // as many as may be are under way
			quiet(b, entered, silence/4)
			leave <- struct{}{}
		}
	}
	if len(heard) != messages {
		b.Fatalf("heard %d of %d messages: %v", len(heard), messages, heard)
	}
}

func instancesShare(b *bench) {
	const messages = 6
	var mu sync.Mutex
	heard := map[string]int{}
	entered, leave := make(chan int, messages), make(chan struct{})
	for instance := range 2 {
		b.handle(events.Consumer{Name: "c", Filters: b.submitted()}, func(ctx context.Context, d events.Delivery) {
			mu.Lock()
			heard[d.Subject]++
			mu.Unlock()
			entered <- instance
			select {
			case <-leave:
				_ = d.Ack()
			case <-ctx.Done():
			}
		})
	}
	for i := range messages {
		b.write(b.task(fmt.Sprint(i)))
	}
	if one, other := await(b, entered, "an instance"), await(b, entered, "another instance"); one == other {
		b.Fatalf("both messages came to instance %d", one)
	}
	close(leave)
	for range messages - 2 {
		await(b, entered, "a call")
	}
	quiet(b, entered, silence)
	mu.Lock()
	defer mu.Unlock()
	for subject, n := range heard {
		if n != 1 {
			b.Fatalf("%s came %d times", subject, n)
		}
	}
}

func namesHearSame(b *bench) {
	one, _ := b.consume(events.Consumer{Name: "one", Filters: b.submitted()})
	other, _ := b.consume(events.Consumer{Name: "oth_ER-2", Filters: b.submitted()})
	e := b.write(b.task("1"))
	b.ack(one, e)
	b.ack(other, e)
}

func durable(b *bench) {
	c := events.Consumer{Name: "c", Filters: b.submitted(), Lease: short}
	got, stop := b.consume(c)
	b.ack(got, b.write(b.task("1")))
	stop()
	second := b.write(b.task("2"))
	quiet(b, got, silence/4)
	got, _ = b.consume(c)
	if d := b.ack(got, second); d.Redelivered || d.Old {
		b.Fatalf("redelivered: %v, old: %v, but it is a first delivery from after the consumer began", d.Redelivered, d.Old)
	}
	quiet(b, got, short+silence)
}

func orphans(b *bench) {
	c := events.Consumer{Name: "c", Filters: b.submitted(), Lease: short}
	e := b.write(b.task("1"))
	got, stop := b.consume(c)
	b.delivered(got, e)
	stop()
	got, _ = b.consume(c)
	if d := b.ack(got, e); !d.Redelivered {
		b.Fatalf("what another instance held says that it is a first delivery")
	}
}

func waitsForCalls(b *bench) {
	b.write(b.task("1"))
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	entered, leave, ended := make(chan events.Delivery), make(chan struct{}), make(chan error, 1)
	c := events.Consumer{Name: "c", Type: b.typ, Filters: b.submitted(), Lease: short}
	go func() {
		ended <- b.log.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
			entered <- d
			<-leave
			if ctx.Err() == nil {
				b.Errorf("the handler's context is not that of Consume")
			}
			if err := d.Ack(); err != nil {
				b.Errorf("acknowledge after the end of the context: %v", err)
			}
		})
	}()
	await(b, entered, "a call")
	cancel()
	quiet(b, ended, silence/4)
	close(leave)
	b.must(await(b, ended, "the end of Consume"), "consume until the context is done")
	got, _ := b.consume(c)
	quiet(b, got, short+silence)
}

func old(b *bench) {
	before := b.write(b.task("1"))
	quiet(b, make(chan int), silence/10)
	got, _ := b.consume(events.Consumer{Name: "c", Filters: b.submitted()})
	if d := b.ack(got, before); !d.Old || d.Redelivered {
		b.Fatalf("old: %v, redelivered: %v, want a first delivery of an old event", d.Old, d.Redelivered)
	}
	if d := b.ack(got, b.write(b.task("2"))); d.Old {
		b.Fatalf("what came after the consumer says that it is old")
	}
}

func reach(b *bench) {
	before := b.write(b.task("1"))
	quiet(b, make(chan int), 2*silence)
	recent := b.write(b.task("2"))
	near, _ := b.consume(events.Consumer{Name: "near", Filters: b.submitted(), Reach: silence})
	far, _ := b.consume(events.Consumer{Name: "far", Filters: b.submitted(), Reach: time.Hour})
	all, _ := b.consume(events.Consumer{Name: "all", Filters: b.submitted()})
	b.ack(near, recent)
	for _, from := range []chan events.Delivery{far, all} {
		b.ack(from, before)
		b.ack(from, recent)
	}
}

func consumeNoType(b *bench) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := b.log.Consume(ctx, events.Consumer{Name: "c", Type: freshType()}, func(context.Context, events.Delivery) {})
	if !errors.Is(err, events.ErrNoType) {
		b.Fatalf("want ErrNoType, got %v", err)
	}
}
