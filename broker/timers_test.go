package broker_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

func timer(id string, due time.Time) events.Timer {
	return events.Timer{Type: typ, To: "agent", What: events.AdvanceTimer, ID: id, Due: due}
}

func setTimer(t testing.TB, log events.Log, at events.Timer) {
	t.Helper()
	if err := log.SetTimer(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

func timers(name string) events.Consumer {
	return events.Consumer{Name: name, Type: typ, Timers: true, Filters: []string{events.TimersOf(typ, "agent")}}
}

// kept is how many messages the stream of timers holds.
func kept(t testing.TB, log *broker.Log) uint64 {
	t.Helper()
	s, err := jetStream(t, log).Stream(t.Context(), "TIMERS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

// TestTimersLeave when they were answered: the stream does not grow with the
// sagas that were.
func TestTimersLeave(t *testing.T) {
	brokertest.Run(t, func(t *testing.T, log *broker.Log) {
		ensure(t, log)
		const n = 50
		for i := range n {
			setTimer(t, log, timer(fmt.Sprint(i), time.Now().Add(time.Hour)))
		}
		if k := kept(t, log); k != n {
			t.Fatalf("%d are set, and %d kept", n, k)
		}
		got := make(chan events.Delivery, n)
		stop := consume(t, log, timers("kyc_agent"), acked(t, got))
		for range n {
			await(t, got, 2*time.Hour, "timer")
		}
		time.Sleep(time.Second)
		if k := kept(t, log); k != 0 {
			t.Fatalf("all were answered, and %d kept", k)
		}
		stop()
	})
}

// TestTimersWait for somebody to answer, 30 days long. (In real time this takes
// a quarter of a minute, or a whole one with the race detector.)
func TestTimersWait(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	brokertest.Run(t, func(t *testing.T, log *broker.Log) {
		ensure(t, log)
		for i := range 3 { // consumers that idle meanwhile, as an agent has them
			consume(t, log, tasks(fmt.Sprint(i)), nil)
		}
		got := make(chan events.Delivery, 3)
		answer := func(to, want string) {
			t.Helper()
			stop := consume(t, log, events.Consumer{
				Name: "kyc_" + to, Type: typ, Timers: true, Filters: []string{events.TimersOf(typ, to)},
			}, acked(t, got))
			if d := await(t, got, time.Minute, "timer"); d.Timer.ID != want {
				t.Fatal(d.Subject)
			}
			stop()
		}
		set := func(to, id string, in time.Duration) {
			at := timer(id, time.Now().Add(in))
			at.To = to
			setTimer(t, log, at)
		}
		set("early", "heard", 0)
		set("late", "unheard", 0)
		set("late", "far", 30*day)
		time.Sleep(29 * day)
		answer("early", "heard")
		time.Sleep(2 * day)
		answer("late", "far")
		time.Sleep(time.Minute)
		if len(got) > 0 || kept(t, log) > 0 {
			t.Fatalf("%d more came, %d are kept", len(got), kept(t, log))
		}
	})
}

// TestRestart: the server stops with timers set and events not acknowledged,
// and goes on with its store.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		serve := func() (*broker.Server, *broker.Log) {
			s := brokertest.ServeAt(t, folder, broker.ServerConfig{DontListen: true})
			return s, brokertest.Connect(t, s, broker.Config{})
		}
		server, log := serve()
		ensure(t, log)
		held := make(chan events.Delivery, 1)
		ctx, cancel := context.WithCancel(t.Context())
		consumed := make(chan error, 1)
		go func() {
			consumed <- log.Consume(ctx, tasks("c"), func(_ context.Context, d events.Delivery) { held <- d })
		}()
		first := write(t, log, task("1"))
		await(t, held, time.Minute, "delivery")
		setTimer(t, log, timer("missed", time.Now().Add(time.Hour)))
		setTimer(t, log, timer("later", time.Now().Add(3*time.Hour)))
		cancel()
		if err := <-consumed; err != nil {
			t.Fatal(err)
		}
		log.Close()
		server.Shutdown()
		time.Sleep(2 * time.Hour)

		_, log = serve()
		ensure(t, log)
		got := make(chan events.Delivery, 10)
		back := time.Now()
		consume(t, log, timers("kyc_agent"), acked(t, got))
		for _, want := range []string{"missed", "later"} {
			if d := await(t, got, 2*time.Hour, "timer"); d.Timer.ID != want {
				t.Fatal(d.Subject)
			}
			if want == "missed" && time.Since(back) > time.Minute {
				t.Fatalf("what was missed came %v after the start", time.Since(back))
			}
		}
		consume(t, log, tasks("c"), acked(t, got))
		if d := await(t, got, time.Minute, "delivery"); !d.Redelivered || d.Seq != first {
			t.Fatalf("%+v", d)
		}
		history, err := log.History(t.Context(), typ, "1", first)
		if err != nil || len(history) != 1 {
			t.Fatalf("%v, %v", history, err)
		}
	})
}
