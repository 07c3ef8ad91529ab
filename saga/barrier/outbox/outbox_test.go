package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/barrier/outbox"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
	"github.com/unwind-saga/unwind/saga/client"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

// O1: what was rolled back is not there, what was committed comes, in order,
// with its payload.
func TestDelivers(t *testing.T) { both(t, delivers, delivers) }

func delivers[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	const n = 120 // more than a batch
	errUndecided := errors.New("the customer goes away")
	for i, id := range ids(n) {
		err := s.inside(t.Context(), func(tx Tx) error {
			if err := s.Put(t.Context(), tx, "order", id, fmt.Appendf(nil, `{"n": %d, "text": "<a>"}`, i)); err != nil {
				return err
			}
			if i%4 == 3 {
				return errUndecided
			}
			return nil
		})
		if err != nil && !errors.Is(err, errUndecided) {
			t.Fatal(err)
		}
	}
	s.relay(t, log, outbox.Relay{})
	eventually(t, "all is delivered", func() bool { return s.rows(t, "waiting") == 0 })
	there := tasks(t, log, "order", ids(n)...)
	last := uint64(0)
	for i, id := range ids(n) {
		e, is := there[id]
		if is != (i%4 != 3) {
			t.Errorf("%s: in the log: %v", id, is)
		}
		if !is {
			continue
		}
		var p struct {
			N    int
			Text string
		}
		if err := e.Unpack(&p); err != nil || p.N != i || p.Text != "<a>" {
			t.Errorf("%s: %s, %v", id, e.Data, err)
		}
		if e.Seq < last {
			t.Errorf("%s came before one that was put earlier", id)
		}
		last = e.Seq
	}
	if n := s.rows(t, "delivered"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestKeeps(t *testing.T) { both(t, keeps, keeps) }

func keeps[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	if err := s.put(t, "order", "a", `{}`); err != nil {
		t.Fatal(err)
	}
	s.relay(t, log, outbox.Relay{Keep: true})
	eventually(t, "it is marked", func() bool { return s.rows(t, "delivered") == 1 })
	if err := s.put(t, "order", "a", ` { } `); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.put(t, "order", "a", `{"other": 1}`); !errors.Is(err, outbox.ErrTaken) {
		t.Errorf("another task with its id: %v", err)
	}
	for age, want := range map[time.Duration]int64{time.Hour: 0, -time.Hour: 1} {
		if age < 0 {
			continue
		}
		if n, err := s.Forget(t.Context(), age); err != nil || n != want {
			t.Errorf("forgot %d, want %d: %v", n, want, err)
		}
	}
	eventually(t, "it is old enough", func() bool {
		n, err := s.Forget(t.Context(), time.Millisecond)
		return err == nil && n == 1
	})
}

// O2: delivered before, by a relay that could not note it, or by another way.
func TestDuplicates(t *testing.T) { both(t, duplicates, duplicates) }

func duplicates[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	for id, payload := range map[string]string{"same": `{"b": [1, 2.50], "a": null}`, "other": `{"a": 1}`} {
		if _, err := client.Submit(t.Context(), log, "order", id, []byte(payload), "somebody"); err != nil {
			t.Fatal(err)
		}
	}
	for id, payload := range map[string]string{"same": `{"a":null,"b":[1,2.50]}`, "other": `{"a": 2}`, "next": `{}`} {
		if err := s.put(t, "order", id, payload); err != nil {
			t.Fatal(err)
		}
	}
	s.relay(t, log, outbox.Relay{Keep: true})
	eventually(t, "nothing waits", func() bool { return s.rows(t, "waiting") == 0 })
	rows, err := s.Aside(t.Context())
	if err != nil || len(rows) != 1 || rows[0].ID != "other" || !strings.Contains(rows[0].Error, "another task has this id") {
		t.Errorf("put aside: %+v, %v", rows, err)
	}
	if n := s.rows(t, "delivered"); n != 2 {
		t.Errorf("%d delivered", n)
	}
}

// O4: rows that can never be delivered, written by strangers, stand in nobody's
// way.
func TestAside(t *testing.T) { both(t, setAside, setAside) }

func setAside[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	bad := map[string]struct{ typ, payload, says string }{
		"large":    {"order", `"` + strings.Repeat("x", events.MaxPayload) + `"`, "524288 are allowed"},
		"no-json":  {"order", `{"n":`, "not JSON"},
		"nothing":  {"order", ``, "not JSON"},
		"bad id":   {"order", `{}`, "' ' is not allowed"},
		"bad-type": {"Order", `{}`, "must begin with a letter a-z"},
		"unknown":  {"trip", `{}`, "no such saga type"},
	}
	for id, b := range bad {
		if id != "unknown" {
			if err := s.put(t, b.typ, id, b.payload); err == nil || !strings.Contains(err.Error(), b.says) {
				t.Errorf("put %s: %v", id, err)
			}
		}
		s.exec(t, `INSERT INTO unwind_outbox (type, id, payload) VALUES ('`+b.typ+`', $1, $2)`, id, b.payload)
	}
	if err := s.put(t, "order", "good", `{}`); err != nil {
		t.Fatal(err)
	}
	s.relay(t, log, outbox.Relay{Tries: 2, Poll: 20 * time.Millisecond})
	eventually(t, "nothing waits", func() bool { return s.rows(t, "waiting") == 0 })
	rows, err := s.Aside(t.Context())
	if err != nil || len(rows) != len(bad) {
		t.Errorf("%d rows put aside, want %d: %v", len(rows), len(bad), err)
	}
	for _, row := range rows {
		if !strings.Contains(row.Error, bad[row.ID].says) {
			t.Errorf("%s: %s", row.ID, row.Error)
		}
	}
	if there := tasks(t, log, "order", "good"); len(there) != 1 {
		t.Error("the good one is not there")
	}

	// Somebody started the agents.
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	if err := s.Again(t.Context(), "trip", "unknown"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is delivered after all", func() bool { return len(tasks(t, log, "trip", "unknown")) == 1 })
	if err := s.Again(t.Context(), "trip", "unknown"); err == nil {
		t.Error("tried again what was not put aside")
	}
}

// A relay that hears the bell does not wait for its poll.
func TestWakes(t *testing.T) {
	s := postgres(t, pgtest.Open(t), outbox.Config{})
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	s.relay(t, log, outbox.Relay{Poll: time.Hour})
	var took []time.Duration
	for _, id := range ids(20) {
		if err := s.put(t, "order", id, `{}`); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, "it is in the log", func() bool { return len(tasks(t, log, "order", id)) == 1 })
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("from commit to log: median %v, worst %v", took[len(took)/2], took[len(took)-1])
}

// A relay whose connections are cut listens again, and finds what was put
// meanwhile.
func TestListensAgain(t *testing.T) {
	s := postgres(t, pgtest.Open(t), outbox.Config{})
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	s.relay(t, log, outbox.Relay{Poll: time.Hour})
	for _, id := range ids(5) {
		// The pool may still have a connection that the round before has cut.
		eventually(t, "all connections are cut", func() bool {
			_, err := s.pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			return err == nil
		})
		eventually(t, "it can be put", func() bool { return s.put(t, "order", id, `{}`) == nil })
		eventually(t, "it is in the log", func() bool { return len(tasks(t, log, "order", id)) == 1 })
	}
}

// The saga continues the trace in which it was put.
func TestTrace(t *testing.T) { both(t, traces, traces) }

func traces[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1"
	ctx := outbox.WithTrace(t.Context(), parent, state)
	if err := s.inside(ctx, func(tx Tx) error { return s.Put(ctx, tx, "order", "a", []byte(`{}`)) }); err != nil {
		t.Fatal(err)
	}
	s.relay(t, log, outbox.Relay{Name: "shop"})
	eventually(t, "it is in the log", func() bool { return len(tasks(t, log, "order", "a")) == 1 })
	e := tasks(t, log, "order", "a")["a"]
	if e.TraceParent != parent || e.TraceState != state || e.Source != "shop/1" {
		t.Errorf("got %+v", e)
	}
}

// Several relays side by side deliver each row once.
func TestSideBySide(t *testing.T) { both(t, sideBySide, sideBySide) }

func sideBySide[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.relay(t, log, outbox.Relay{Batch: 7})
	}
	const n = 200
	for _, id := range ids(n) {
		if err := s.put(t, "order", id, `{}`); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is delivered", func() bool { return s.rows(t, "waiting") == 0 })
	if there := tasks(t, log, "order", ids(n)...); len(there) != n {
		t.Errorf("%d tasks, want %d", len(there), n)
	}
	if n := s.rows(t, "aside"); n != 0 {
		t.Errorf("%d put aside", n)
	}
}

// A silent log is one whose stream for a type does not answer.
type silentLog struct {
	events.Log
	typ string
}

func (l silentLog) Append(ctx context.Context, e events.Event) (uint64, error) {
	if e.Subject.Type == l.typ {
		<-ctx.Done()
		return 0, fmt.Errorf("append %s: nobody knows whether it is written: %w", e.Subject, ctx.Err())
	}
	return l.Log.Append(ctx, e)
}

// O4: a stream that does not answer keeps no other type's rows waiting, however
// many rows it has before them.
func TestOneStreamIsAway(t *testing.T) { both(t, oneAway, oneAway) }

func oneAway[Tx any](t *testing.T, s shop[Tx]) {
	log := brokertest.Open(t)
	for _, typ := range []string{"order", "stuck"} {
		if err := log.Ensure(t.Context(), typ); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids(100) {
		if err := s.put(t, "stuck", id, `{}`); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids(20) {
		if err := s.put(t, "order", id, `{}`); err != nil {
			t.Fatal(err)
		}
	}
	stop := s.relay(t, silentLog{log, "stuck"}, outbox.Relay{Timeout: 50 * time.Millisecond, Poll: 10 * time.Millisecond})
	eventually(t, "the others are delivered", func() bool { return s.rows(t, "waiting") == 100 })
	if n, oldest, err := s.Backlog(t.Context()); err != nil || n != 100 || time.Since(oldest) > time.Hour {
		t.Errorf("backlog %d since %v, %v", n, oldest, err)
	}
	stop()
	s.relay(t, log, outbox.Relay{})
	eventually(t, "all is delivered", func() bool { return s.rows(t, "waiting") == 0 })
}

// Many instances that start at once make one table.
func TestMigrateAtOnce(t *testing.T) {
	dsn, file := pgtest.Open(t), filepath.Join(t.TempDir(), "shop.db")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { postgres(t, dsn, outbox.Config{}) })
		all.Go(func() { sqlite(t, file, outbox.Config{}) })
	}
	all.Wait()
}

func TestNoTable(t *testing.T) {
	s := postgres(t, pgtest.Open(t), outbox.Config{})
	b := outbox.Postgres(s.pool, outbox.Config{Table: "public.another"})
	if err := b.Relay(t.Context(), nil, outbox.Relay{}); err == nil || !strings.Contains(err.Error(), "call Migrate") {
		t.Errorf("got %v", err)
	}
	b = outbox.Postgres(nil, outbox.Config{Table: "no table"})
	if err := b.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), `"no table"`) {
		t.Errorf("got %v", err)
	}
}
