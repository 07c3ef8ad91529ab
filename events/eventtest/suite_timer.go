package eventtest

import (
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
)

var timerRules = []rule{
	{name: "timer/fires when it is due", check: firesDue},
	{name: "timer/past due fires at once", check: firesPast},
	{name: "timer/each kind comes as it was set", check: timerKinds},
	{name: "timer/set twice fires once", check: setTwice},
	{name: "timer/set again moves it", check: setAgain},
	{name: "timer/fired and set again fires again", check: firesAgain},
	{name: "timer/comes to whom it is addressed", check: addressed},
	{name: "timer/comes again until it is acknowledged", check: timerLease},
	{name: "timer/types share the stream, and hear their own", check: timerTypes},
	{name: "timer/an illegal one is refused", check: illegalTimer},
}

func (b *bench) set(t events.Timer) events.Timer {
	b.Helper()
	b.must(b.log.SetTimer(b.ctx, t), "set a timer")
	return t
}

// timer makes a timer for an agent.
func (b *bench) timer(to, id string, in time.Duration) events.Timer {
	return events.Timer{Type: b.typ, To: to, What: events.AdvanceTimer, ID: id, Due: time.Now().Add(in), Seq: 7}
}

func (b *bench) timers(name, to string) (fired chan events.Delivery) {
	fired, _ = b.consume(events.Consumer{Name: b.typ + "_" + name, Timers: true, Filters: []string{events.TimersOf(b.typ, to)}})
	return fired
}

// fired takes the next delivery, which must be of this timer.
func (b *bench) fired(from <-chan events.Delivery, want events.Timer) events.Delivery {
	b.Helper()
	d := await(b, from, want.Fired())
	b.must(d.Err, "read a timer")
	got := d.Timer
	if got.Fired() != want.Fired() || got.Seq != want.Seq || got.TraceParent != want.TraceParent || got.TraceState != want.TraceState || d.Subject != want.Fired() {
		b.Fatalf("got timer %+v on %q, want %+v", got, d.Subject, want)
	}
	if d.Stream != "TIMERS" || d.Seq == 0 || d.Time.IsZero() {
		b.Fatalf("timer %q is message %d of %q at %v", d.Subject, d.Seq, d.Stream, d.Time)
	}
	if early := time.Until(want.Due); early > time.Millisecond {
		b.Fatalf("timer %q fired %v too early", d.Subject, early)
	}
	return d
}

func (b *bench) fires(from <-chan events.Delivery, want events.Timer) {
	b.Helper()
	b.must(b.fired(from, want).Ack(), "acknowledge")
}

func firesDue(b *bench) {
	fired := b.timers("t", "a")
	later, sooner := b.set(b.timer("a", "1", 2*silence)), b.set(b.timer("a", "2", silence))
	b.fires(fired, sooner)
	b.fires(fired, later)
	quiet(b, fired, silence)
}

func firesPast(b *bench) {
	fired := b.timers("t", "a")
	b.fires(fired, b.set(b.timer("a", "1", -time.Hour)))
	b.fires(fired, b.set(b.timer("a", "2", 0)))
	quiet(b, fired, silence)
}

func timerKinds(b *bench) {
	fired := b.timers("t", "a")
	for _, t := range []events.Timer{
		{What: events.RetryTimer, N: 1}, {What: events.RetryTimer, N: 12, Seq: 1<<64 - 1}, {What: events.UndoTimer, N: 3, Seq: 1},
		{What: events.DeadlineTimer}, {What: events.AdvanceTimer},
	} {
		t.Type, t.To, t.ID = b.typ, "a", "Id_-1"
		t.Due = time.Now()
		b.fires(fired, b.set(t))
		t.TraceParent, t.TraceState = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "unwind=1"
		b.fires(fired, b.set(t))
	}
}

func setTwice(b *bench) {
	fired := b.timers("t", "a")
	t := b.timer("a", "1", silence)
	b.set(t)
	b.set(t)
	b.fires(fired, t)
	quiet(b, fired, 2*silence)
}

func setAgain(b *bench) {
	fired := b.timers("t", "a")
	b.set(b.timer("a", "sooner", time.Hour))
	b.set(b.timer("a", "later", 2*silence))
	later := b.set(b.timer("a", "later", 4*silence))
	b.fires(fired, b.set(b.timer("a", "sooner", silence)))
	b.fires(fired, later)
	quiet(b, fired, silence)
}

func firesAgain(b *bench) {
	fired := b.timers("t", "a")
	for range 3 {
		b.fires(fired, b.set(b.timer("a", "1", silence/4)))
	}
	quiet(b, fired, silence)
}

func addressed(b *bench) {
	first, second, all := b.timers("first", "a"), b.timers("second", "a-lite"), b.timers("all", events.Everyone)
	toAll, toSecond := b.set(b.timer(events.Everyone, "1", 0)), b.set(b.timer("a-lite", "1", 0))
	toFirst := b.set(b.timer("a", "1", 0))
	b.fires(first, toFirst)
	b.fires(second, toSecond)
	b.fires(all, toAll)
	for _, fired := range []chan events.Delivery{first, second, all} {
		quiet(b, fired, silence/4)
	}
}

func timerLease(b *bench) {
	t := b.set(b.timer("a", "1", 0))
	fired, _ := b.consume(events.Consumer{Name: b.typ + "_t", Timers: true, Filters: []string{events.TimersOf(b.typ, "a")}, Lease: short})
	b.fired(fired, t)
	if d := b.fired(fired, t); !d.Redelivered {
		b.Fatalf("a second delivery says that it is the first")
	} else {
		b.must(d.Ack(), "acknowledge")
	}
	quiet(b, fired, short+silence)
}

func timerTypes(b *bench) {
	other := *b
	other.typ = freshType()
	b.must(b.log.Ensure(b.ctx, other.typ), "ensure a second type")
	fired, otherFired := b.timers("t", "a"), other.timers("other", "a")
	b.fires(fired, b.set(b.timer("a", "1", 0)))
	other.fires(otherFired, other.set(other.timer("a", "1", 0)))
	b.fires(fired, b.set(b.timer("a", "2", 0)))
	quiet(b, fired, silence/4)
	quiet(b, otherFired, silence/4)
}

func illegalTimer(b *bench) {
	legal := b.timer("a", "1", 0)
	for _, spoil := range []func(*events.Timer){
		func(t *events.Timer) { t.Type = "A" },
		func(t *events.Timer) { t.To = "" },
		func(t *events.Timer) { t.To = "*" },
		func(t *events.Timer) { t.What = "lunch" },
		func(t *events.Timer) { t.What = events.RetryTimer }, // the number is missing
		func(t *events.Timer) { t.ID = "1.2" },
		func(t *events.Timer) { t.ID = strings.Repeat("1", 65) },
	} {
		t := legal
		spoil(&t)
		if b.log.SetTimer(b.ctx, t) == nil {
			b.Fatalf("set illegal timer %q", t.Set())
		}
	}
}
