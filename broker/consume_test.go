package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// TestLostPull: a request for messages that the broker never hears of is
// missed within two seconds, in real time and with the default settings.
func TestLostPull(t *testing.T) {
	t.Parallel()
	server := brokertest.Serve(t)
	wire := &tamperer{InProcessConnProvider: server}
	var lines journal
	log, err := broker.Connect(t.Context(), broker.Config{InProcess: wire, Logger: lines.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	ensure(t, log)
	wire.said.spoil(1, `CONSUMER.MSG.NEXT`, `CONSUMER.MSG.LOST`)
	got := make(chan events.Delivery, 10)
	consume(t, log, tasks("c"), acked(t, got))
	for wire.said.left() > 0 {
		time.Sleep(time.Millisecond)
	}
	write(t, log, task("1"))
	await(t, got, 2*time.Second, "delivery")
	for i := 2; i < 4; i++ {
		wire.said.spoil(1, `CONSUMER.MSG.NEXT`, `CONSUMER.MSG.LOST`)
		write(t, log, task(fmt.Sprint(i))) // what stands brings this one, and the next is lost
		await(t, got, 2*time.Second, "delivery")
		write(t, log, task(fmt.Sprintf("%d-again", i)))
		await(t, got, 2*time.Second, "delivery")
	}
	if lines.String() != "" {
		t.Fatalf("a lost request is no news, but:\n%s", lines.String())
	}
}

// TestConsumeServesMany: as many at a time as asked for, each once.
func TestConsumeServesMany(t *testing.T) {
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{})
	ensure(t, log)
	const n, concurrency = 500, 16
	var running, most atomic.Int32
	var mu sync.Mutex
	times := map[uint64]int{}
	done := make(chan bool, n)
	for range 2 {
		c := tasks("c")
		c.Concurrency = concurrency
		consume(t, brokertest.Connect(t, server, broker.Config{}), c, func(_ context.Context, d events.Delivery) {
			now := running.Add(1)
			for most.Load() < now && !most.CompareAndSwap(most.Load(), now) {
			}
			time.Sleep(2 * time.Millisecond)
			mu.Lock()
			times[d.Seq]++
			mu.Unlock()
			running.Add(-1)
			_ = d.Ack()
			done <- true
		})
	}
	for i := range n {
		write(t, log, task(fmt.Sprint(i)))
	}
	for range n {
		await(t, done, 20*time.Second, "delivery")
	}
	mu.Lock()
	defer mu.Unlock()
	for seq, n := range times {
		if n != 1 {
			t.Errorf("event %d came %d times", seq, n)
		}
	}
	if most.Load() > 2*concurrency {
		t.Errorf("%d at a time", most.Load())
	}
}

// TestConsumerComesBack: somebody removes the consumer, or the whole stream.
func TestConsumerComesBack(t *testing.T) {
	t.Parallel()
	var lines journal
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{Logger: lines.logger()})
	js := jetStream(t, log)
	ensure(t, log)
	got := make(chan events.Delivery, 10)
	c := tasks("c")
	c.Reach = time.Hour
	consume(t, log, c, acked(t, got))
	write(t, log, task("1"))
	await(t, got, 5*time.Second, "delivery")

	if err := js.DeleteConsumer(t.Context(), "SAGA_kyc", "c"); err != nil {
		t.Fatal(err)
	}
	write(t, log, task("2"))
	for _, id := range []string{"1", "2"} { // what it had acknowledged is forgotten
		if d := await(t, got, 5*time.Second, "delivery"); d.Event.Subject.ID != id || id == "1" && !d.Old {
			t.Fatalf("%+v", d)
		}
	}
	if lines.count("served again") != 1 || lines.count("\n") != 1 {
		t.Fatalf("want one line, got:\n%s", lines.String())
	}

	if err := js.DeleteStream(t.Context(), "SAGA_kyc"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	ensure(t, log)
	write(t, log, task("3"))
	await(t, got, 5*time.Second, "delivery")
	if lines.count("is not served, trying on") != 1 || lines.count("served again") != 2 || lines.count("\n") != 3 {
		t.Fatalf("want one line of each, got:\n%s", lines.String())
	}
}

func TestHandlerPanics(t *testing.T) {
	var lines journal
	log := brokertest.Connect(t, brokertest.Serve(t), broker.Config{Logger: lines.logger()})
	ensure(t, log)
	got := make(chan events.Delivery, 10)
	c := tasks("c")
	c.Lease = 300 * time.Millisecond
	consume(t, log, c, func(ctx context.Context, d events.Delivery) {
		if !d.Redelivered {
			panic("oh no")
		}
		acked(t, got)(ctx, d)
	})
	write(t, log, task("1"))
	await(t, got, 5*time.Second, "delivery")
	if lines.count("oh no") != 1 || lines.count("consume_test.go") == 0 {
		t.Fatalf("want it and where it was, got:\n%s", lines.String())
	}
}

// TestStopGivesBack what was under way to a consumer that stops: the lease is
// a minute, but another instance gets it at once.
func TestStopGivesBack(t *testing.T) {
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{})
	ensure(t, log)
	c := tasks("c")
	c.Lease, c.Concurrency = time.Minute, 8
	for round := range 40 {
		got := make(chan events.Delivery, 100)
		stop := consume(t, brokertest.Connect(t, server, broker.Config{}), c, acked(t, got))
		written := make(chan bool)
		go func() {
			defer close(written)
			for i := range 10 {
				write(t, log, task(fmt.Sprintf("%d-%d", round, i)))
			}
		}()
		time.Sleep(time.Duration(round) * 100 * time.Microsecond)
		began := time.Now()
		stop()
		if took := time.Since(began); took > time.Second {
			t.Fatalf("it took %v to stop", took)
		}
		<-written
		stop = consume(t, brokertest.Connect(t, server, broker.Config{}), c, acked(t, got))
		for range 10 {
			await(t, got, 5*time.Second, "delivery")
		}
		stop()
	}
}

// TestStopNeedsNoInbox, nor anything else that deploy/ doesn't let an agent
// publish to.
func TestStopNeedsNoInbox(t *testing.T) {
	srv := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Tune: agentUser})
	admin := connectAs(t, srv, "admin", nil)
	ensure(t, admin)
	var lines journal
	agent := connectAs(t, srv, "agent", &lines)
	got := make(chan events.Delivery, 10)
	stop := consume(t, agent, tasks("c"), acked(t, got))
	write(t, agent, task("1"))
	await(t, got, 5*time.Second, "delivery")
	if _, err := agent.History(t.Context(), typ, "1", 1); err != nil {
		t.Fatal(err)
	}
	ensure(t, agent)
	began := time.Now()
	stop()
	if took := time.Since(began); took > time.Second || lines.String() != "" {
		t.Fatalf("it took %v to stop, and said:\n%s", took, lines.String())
	}
}

// TestStopWithoutABroker waits no longer than a little.
func TestStopWithoutABroker(t *testing.T) {
	t.Parallel()
	srv := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{})
	var lines journal
	log, err := broker.Connect(t.Context(), broker.Config{URL: srv.ClientURL(), Logger: lines.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	ensure(t, log)
	got := make(chan events.Delivery, 10)
	stop := consume(t, log, tasks("c"), acked(t, got))
	write(t, log, task("1"))
	await(t, got, 5*time.Second, "delivery")
	srv.Shutdown()
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Fatalf("it took %v to stop", took)
	}
}

// TestConsumeEndsWithTheConnection: closed for good is an error.
func TestConsumeEndsWithTheConnection(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	ended := make(chan error, 1)
	go func() { ended <- log.Consume(t.Context(), tasks("c"), nil) }()
	time.Sleep(100 * time.Millisecond)
	log.Conn().Close()
	if err := await(t, ended, 5*time.Second, "end"); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Fatalf("got %v", err)
	}
}

// TestConsumerSettings: the same again is no change; other filters and another
// lease are taken over, and where it stands stays.
func TestConsumerSettings(t *testing.T) {
	var lines journal
	log := brokertest.Connect(t, brokertest.Serve(t), broker.Config{Logger: lines.logger()})
	js := jetStream(t, log)
	ensure(t, log)
	got := make(chan events.Delivery, 10)
	run := func(c events.Consumer, write func()) {
		stop := consume(t, log, c, acked(t, got))
		write()
		await(t, got, 5*time.Second, "delivery")
		stop()
	}
	c := tasks("c")
	run(c, func() { write(t, log, task("1")) })
	c.Reach = time.Hour // of a new consumer only
	run(c, func() { write(t, log, task("2")) })
	if lines.String() != "" {
		t.Fatal(lines.String())
	}
	c.Filters = []string{started("x").Filter(), task("x").Filter()}
	c.Lease = time.Minute
	run(c, func() { write(t, log, started("3")) })
	if lines.count("changing it") != 1 {
		t.Fatal(lines.String())
	}
	consumer, err := js.Consumer(t.Context(), "SAGA_kyc", "c")
	if err != nil {
		t.Fatal(err)
	}
	have := consumer.CachedInfo()
	if have.Config.AckWait != time.Minute || len(have.Config.FilterSubjects) != 2 || have.AckFloor.Stream != 3 || have.Config.MaxDeliver != -1 || have.Config.AckPolicy != jetstream.AckExplicitPolicy {
		t.Fatalf("%+v", have)
	}
	if len(got) > 0 {
		t.Fatal("something came twice")
	}
	c.Filters = []string{"saga.other.>"}
	if err := log.Consume(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), "has to begin with saga.kyc.") {
		t.Fatalf("got %v", err)
	}
}

// TestNameIsTakenByAnotherType: the timers of all types share one stream.
func TestNameIsTakenByAnotherType(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	stop := consume(t, log, timers("c"), nil)
	for kept := 0; kept == 0; time.Sleep(time.Millisecond) {
		if s, err := jetStream(t, log).Stream(t.Context(), "TIMERS"); err == nil {
			kept = s.CachedInfo().State.Consumers
		}
	}
	stop()
	c := events.Consumer{Name: "c", Type: "other", Timers: true}
	if err := log.Consume(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), `the name is taken in TIMERS by saga type "kyc"`) {
		t.Fatalf("got %v", err)
	}
}

// agentUser has two users: one that may do anything, and one with what
// deploy/ allows an agent.
func agentUser(o *server.Options) {
	o.Users = []*server.User{
		{Username: "admin", Password: "x"},
		{Username: "agent", Password: "x", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{
				"saga.kyc.>", "timer.set.kyc.>",
				"$JS.API.STREAM.INFO.SAGA_kyc", "$JS.API.STREAM.INFO.TIMERS", "$JS.API.STREAM.INFO.OBJ_saga-kyc",
				"$JS.API.DIRECT.GET.SAGA_kyc",
				"$JS.API.CONSUMER.CREATE.SAGA_kyc.>", "$JS.API.CONSUMER.INFO.SAGA_kyc.>", "$JS.API.CONSUMER.MSG.NEXT.SAGA_kyc.>",
				"$JS.API.CONSUMER.CREATE.TIMERS.>", "$JS.API.CONSUMER.INFO.TIMERS.>", "$JS.API.CONSUMER.MSG.NEXT.TIMERS.>",
				"$JS.ACK.SAGA_kyc.>", "$JS.ACK.TIMERS.>",
			}},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}},
	}
}
