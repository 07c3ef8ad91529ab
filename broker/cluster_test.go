package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// cluster starts three servers in this process.
func cluster(t *testing.T) (servers []*broker.Server) {
	t.Helper()
	var ports []int
	var routes []*url.URL
	for range 3 {
		ports = append(ports, freePort(t))
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[len(ports)-1])})
	}
	for i := range 3 {
		servers = append(servers, brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{
			Logger: new(journal).logger(),
			Tune: func(o *server.Options) {
				o.ServerName = fmt.Sprint("server-", i)
				o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
				o.Routes = routes
			},
		}))
	}
	return servers
}

// TestCluster races the outcome of a saga against its latch on three replicas,
// while leaders step down: one of the two wins, all agree which, every reader
// sees it at once, and every task is delivered.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	var logs []*broker.Log
	for _, s := range servers {
		log, err := broker.Connect(t.Context(), broker.Config{URL: s.ClientURL(), Replicas: 3, Logger: new(journal).logger()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		logs = append(logs, log)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := logs[0].Ensure(ctx, typ); err != nil { // waits until the cluster has found itself
		t.Fatal(err)
	}

	const sagas = 60
	delivered := make(chan string, 10*sagas)
	for _, log := range logs {
		c := tasks("c")
		c.Concurrency, c.Lease = 4, 5*time.Second
		consume(t, log, c, func(_ context.Context, d events.Delivery) {
			if d.Ack() == nil {
				delivered <- d.Event.Subject.ID
			}
		})
	}
	seen := make(chan uint64, 10*sagas)
	following, stopFollowing := context.WithCancel(ctx)
	followed := make(chan error, 1)
	go func() {
		followed <- logs[1].Follow(following, typ, "", 0, func(e events.Event) error { seen <- e.Seq; return nil })
	}()

	var stepDowns atomic.Int32
	racing, stop := context.WithCancel(ctx)
	var unrest sync.WaitGroup
	unrest.Go(func() {
		for racing.Err() == nil {
			m, err := logs[2].Conn().RequestWithContext(racing, "$JS.API.STREAM.LEADER.STEPDOWN.SAGA_kyc", nil)
			if err == nil && strings.Contains(string(m.Data), `"success":true`) {
				stepDowns.Add(1)
			}
			time.Sleep(300 * time.Millisecond)
		}
	})
	var turned, committed atomic.Int32
	var races sync.WaitGroup
	for lane := range 4 {
		races.Go(func() {
			for n := lane; n < sagas; n += 4 {
				race(t, ctx, logs, fmt.Sprint("s", n), &turned, &committed)
			}
		})
	}
	races.Wait()
	stop()
	unrest.Wait()

	left := map[string]bool{}
	for n := range sagas {
		left[fmt.Sprint("s", n)] = true
	}
	for len(left) > 0 {
		delete(left, await(t, delivered, 20*time.Second, "delivery"))
	}
	for want := uint64(1); want <= 2*sagas; want++ {
		if seq := await(t, seen, 20*time.Second, "event"); seq != want {
			t.Fatalf("the follower saw %d, want %d", seq, want)
		}
	}
	stopFollowing()
	if err := <-followed; err != nil {
		t.Error(err)
	}
	t.Logf("%d turned, %d committed, the leader stepped down %d times", turned.Load(), committed.Load(), stepDowns.Load())
	if turned.Load()+committed.Load() != sagas || stepDowns.Load() == 0 {
		t.Error("not every saga went one way, or nobody stepped down")
	}
}

// race writes a task, then the latch and the pivot's commitment at once, through
// different servers.
func race(t *testing.T, ctx context.Context, logs []*broker.Log, id string, turned, committed *atomic.Int32) {
	first, err := logs[0].Append(ctx, newEvent(t, task(id)))
	if err != nil {
		t.Error(err)
		return
	}
	for _, log := range logs {
		if h, err := log.History(ctx, typ, id, first); err != nil || len(h) != 1 {
			t.Errorf("after the task: %v, %v", h, err)
		}
	}
	var outcome [2]error
	var seqs [2]uint64
	subjects := []events.Subject{events.LatchSubject(typ, id), events.CommitSubject(typ, id)}
	var both sync.WaitGroup
	for i, s := range subjects {
		both.Go(func() { seqs[i], outcome[i] = logs[1+i].Append(ctx, newEvent(t, s)) })
	}
	both.Wait()
	winner := 0
	switch {
	case outcome[0] == nil && errors.Is(outcome[1], events.ErrGuarded):
		turned.Add(1)
	case outcome[1] == nil && errors.Is(outcome[0], events.ErrGuarded):
		committed.Add(1)
		winner = 1
	default:
		t.Errorf("saga %s: %v", id, outcome)
		return
	}
	refusal, _ := errors.AsType[*events.Refusal](outcome[1-winner])
	if refusal.Seq != seqs[winner] {
		t.Errorf("refused by %d, want %d", refusal.Seq, seqs[winner])
	}
	for _, log := range logs {
		h, err := log.History(ctx, typ, id, seqs[winner])
		if err != nil || len(h) != 2 || h[1].Subject != subjects[winner] {
			t.Errorf("after the race: %v, %v", h, err)
		}
	}
}

// TestServerOfAClusterDies: who was connected to it goes on with another.
func TestServerOfAClusterDies(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	log, err := broker.Connect(t.Context(), broker.Config{
		URL: servers[0].ClientURL(), Replicas: 3, Logger: new(journal).logger(),
		Options: []nats.Option{nats.DontRandomize()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := log.Ensure(ctx, typ); err != nil {
		t.Fatal(err)
	}
	got := make(chan events.Delivery, 100)
	consume(t, log, tasks("c"), acked(t, got))
	for i := range 20 {
		if i == 10 {
			go servers[0].Shutdown()
		}
		seq, err := log.Append(ctx, newEvent(t, task(fmt.Sprint(i))))
		if err != nil {
			t.Fatal(err)
		}
		if h, err := log.History(ctx, typ, fmt.Sprint(i), seq); err != nil || len(h) != 1 {
			t.Fatalf("%v, %v", h, err)
		}
	}
	left := map[string]bool{}
	for i := range 20 {
		left[fmt.Sprint(i)] = true
	}
	for len(left) > 0 {
		delete(left, await(t, got, 40*time.Second, "delivery").Event.Subject.ID)
	}
}
