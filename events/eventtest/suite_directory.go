package eventtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/unwind-saga/unwind/events"
)

var directoryRules = []rule{
	{name: "directory/who is announced is there, with what it declares", check: announced},
	{name: "directory/vitals are those of now", check: vitalsOfNow},
	{name: "directory/many instances of many agents", check: manyInstances},
	{name: "directory/who stops is gone, and its work is not", check: goneInstance},
	{name: "directory/an instance has to say who it is", check: namelessInstance},
	{name: "directory/what waits, since when, and what is held", check: whatWaits},
	{name: "directory/who listens, and what all share", check: whoListens},
	{name: "directory/no such type", check: directoryNoType},
	{name: "directory/a context that is done", check: directoryDoneContext},
}

func (b *bench) instance(agent string, n int) events.Instance {
	return events.Instance{
		Type: b.typ, Step: "a", Agent: agent, Name: fmt.Sprintf("%s@%d", agent, n), Version: "v1.2.3",
		Started: time.Now().UTC().Truncate(time.Millisecond), Declared: json.RawMessage(`{"agent":"` + agent + `"}`),
	}
}

// announce makes an instance known, and waits until it is.
func (b *bench) announce(i events.Instance, vitals func() events.Vitals) (stop func()) {
	b.Helper()
	if vitals == nil {
		vitals = func() events.Vitals { return events.Vitals{} }
	}
	stop = b.background("announce "+i.Name, func(ctx context.Context) error { return b.log.Announce(ctx, i, vitals) })
	b.until("is announced", func() bool {
		for _, there := range b.instances() {
			if there.Name == i.Name {
				return true
			}
		}
		return false
	})
	return stop
}

func (b *bench) instances() []events.Instance {
	b.Helper()
	all, err := b.log.Instances(b.ctx, b.typ)
	b.must(err, "ask who is there")
	return all
}

func (b *bench) backlogs() map[string]events.Backlog {
	b.Helper()
	all, err := b.log.Backlogs(b.ctx, b.typ)
	b.must(err, "ask what waits")
	by := map[string]events.Backlog{}
	for _, l := range all {
		by[l.Consumer] = l
	}
	return by
}

// until waits for what comes about by itself.
func (b *bench) until(what string, holds func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("waited %v in vain until it %s", patience, what)
		}
	}
}

func announced(b *bench) {
	want := b.instance("b", 1)
	b.announce(want, nil)
	all := b.instances()
	if len(all) != 1 || mustJSON(all[0]) != mustJSON(want) {
		b.Fatalf("there is %s, want %s alone", mustJSON(all), mustJSON(want))
	}
	all, err := b.log.Instances(b.ctx, "")
	b.must(err, "ask who is there, of any type")
	found := false
	for _, i := range all {
		found = found || i.Name == want.Name && i.Type == b.typ
	}
	if !found {
		b.Fatalf("asked for all types, %s is not there", want.Name)
	}
}

func vitalsOfNow(b *bench) {
	var n atomic.Uint64
	b.announce(b.instance("b", 1), func() events.Vitals { return events.Vitals{Working: 1, Performed: n.Load()} })
	n.Store(7)
	if v := b.instances()[0].Vitals; v != (events.Vitals{Working: 1, Performed: 7}) {
		b.Fatalf("vitals are %+v, want 1 working and 7 performed", v)
	}
}

func manyInstances(b *bench) {
	var want []string
	for _, agent := range []string{"b", "c"} {
		for n := range 3 {
			i := b.instance(agent, n)
			want = append(want, i.Name)
			b.background("announce "+i.Name, func(ctx context.Context) error {
				return b.log.Announce(ctx, i, func() events.Vitals { return events.Vitals{} })
			})
		}
	}
	other := newBench(b.T, b.log)
	other.announce(other.instance("b", 9), nil)
	b.until("finds all, in order, and no other type's", func() bool {
		var got []string
		for _, i := range b.instances() {
			got = append(got, i.Name)
		}
		return strings.Join(got, " ") == strings.Join(want, " ")
	})
}

func goneInstance(b *bench) {
	stop := b.announce(b.instance("b", 1), nil)
	_, hang := b.consume(events.Consumer{Name: "b_forward", Filters: b.submitted()})
	b.until("listens", func() bool { return b.backlogs()["b_forward"].Listens })
	stop()
	hang()
	b.until("is gone", func() bool { return len(b.instances()) == 0 })
	e := b.write(b.task("1"))
	b.until("no longer listens", func() bool { l := b.backlogs()["b_forward"]; return !l.Listens && l.Waiting == 1 })
	got, _ := b.consume(events.Consumer{Name: "b_forward", Filters: b.submitted()})
	b.ack(got, e)
}

func namelessInstance(b *bench) {
	for _, spoil := range []func(*events.Instance){
		func(i *events.Instance) { i.Name = "" },
		func(i *events.Instance) { i.Agent = "A b" },
		func(i *events.Instance) { i.Type = "" },
		func(i *events.Instance) { i.Step = "saga" },
	} {
		i := b.instance("b", 1)
		spoil(&i)
		if err := b.log.Announce(b.ctx, i, func() events.Vitals { return events.Vitals{} }); err == nil {
			b.Fatalf("%+v was announced", i)
		}
	}
}

func whatWaits(b *bench) {
	got, stop := b.consume(events.Consumer{Name: "b_forward", Filters: append([]string{b.subject(events.Completed, "x").Filter()}, b.submitted()...)})
	held := b.delivered(got, b.write(b.task("1")))
	b.until("holds one", func() bool { l := b.backlogs()["b_forward"]; return l.Held == 1 && l.Waiting == 0 })
	stop()
	b.write(b.subject(events.Started, "1")) // nothing that it hears
	b.write(b.subject(events.Completed, "1"))
	b.write(b.task("2"))
	at := b.history("1", 3)[2].Time
	b.until("lets two wait", func() bool { return b.backlogs()["b_forward"].Waiting == 2 })
	l := b.backlogs()["b_forward"]
	if strings.Join(l.Filters, " ") != b.subject(events.Completed, "x").Filter()+" "+b.submitted()[0] {
		b.Fatalf("filters %q", l.Filters)
	}
	if l.Agent != "b" || l.Purpose != events.ForForward || l.Held != 1 || l.Last.IsZero() || !l.Oldest.Equal(at) {
		b.Fatalf("backlog %+v, want agent b's, forward, one held, the oldest of %v", l, at)
	}
	b.must(held.Ack(), "acknowledge")
	b.until("holds none", func() bool { return b.backlogs()["b_forward"].Held == 0 })
}

func whoListens(b *bench) {
	b.consume(events.Consumer{Name: "b_compensate", Filters: []string{b.subject(events.Compensate, "1").Filter()}})
	b.consume(events.Consumer{Name: "_unwinding", Filters: []string{b.subject(events.Unwinding, "1").Filter()}})
	b.consume(events.Consumer{Name: b.typ + "_b", Timers: true, Filters: []string{events.TimersOf(b.typ, "b")}})
	b.consume(events.Consumer{Name: b.typ + "_", Timers: true, Filters: []string{events.TimersOf(b.typ, events.Everyone)}})
	b.consume(events.Consumer{Name: "somebody-s_own"})
	other := newBench(b.T, b.log)
	other.consume(events.Consumer{Name: other.typ + "_b", Timers: true, Filters: []string{events.TimersOf(other.typ, "b")}})
	want := "b compensate, b timers,  unwinding,  clock"
	b.until("lists them agent by agent: "+want, func() bool {
		all, err := b.log.Backlogs(b.ctx, b.typ)
		b.must(err, "ask what waits")
		var got []string
		for _, l := range all {
			if l.Listens {
				got = append(got, l.Agent+" "+string(l.Purpose))
			}
		}
		return strings.Join(got, ", ") == want
	})
}

func directoryNoType(b *bench) {
	if _, err := b.log.Backlogs(b.ctx, freshType()); !errors.Is(err, events.ErrNoType) {
		b.Fatalf("what waits for a type that was not ensured: want ErrNoType, got %v", err)
	}
	if all, err := b.log.Instances(b.ctx, freshType()); err != nil || len(all) > 0 {
		b.Fatalf("instances of a type that was not ensured: want none, got %v, %v", all, err)
	}
}

func directoryDoneContext(b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if err := b.log.Announce(ctx, b.instance("b", 1), func() events.Vitals { return events.Vitals{} }); err != nil {
		b.Fatalf("announce with a context that is done: want no error, got %v", err)
	}
	if _, err := b.log.Instances(ctx, b.typ); !errors.Is(err, context.Canceled) {
		b.Fatalf("ask who is there with a context that is done: want its error, got %v", err)
	}
	if _, err := b.log.Backlogs(ctx, b.typ); !errors.Is(err, context.Canceled) {
		b.Fatalf("ask what waits with a context that is done: want its error, got %v", err)
	}
}
