package barrier_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// BenchmarkDo compares an effect (two inserts) in a transaction of its own with
// the same behind the barrier, on a database that syncs each commit to disk, and
// on one that does not, where the statements alone are measured.
func BenchmarkDo(b *testing.B) {
	for name, setting := range map[string]string{"synced": "fsync=on", "unsynced": "fsync=off"} {
		b.Run("postgres "+name, func(b *testing.B) {
			folder, err := os.MkdirTemp("", "barrier-postgres-")
			if err != nil {
				b.Fatal(err)
			}
			defer os.RemoveAll(folder)
			server, err := pgtest.Start(b.Context(), folder, setting)
			if err != nil {
				b.Fatal(err)
			}
			defer server.Stop()
			measure(b, postgresAt(b, server.DSN(), barrier.Config{}), 8)
		})
	}
	b.Run("sqlite", func(b *testing.B) { measure(b, sqlite(b, barrier.Config{}), 1) })
}

func measure[Tx any](b *testing.B, d desk[Tx], parallel int) {
	ctx := context.Background()
	var n atomic.Int64
	key := func() string { return fmt.Sprintf("trip/%d/seat/seat", n.Add(1)) }
	bare := func() error {
		k := key()
		return d.inside(ctx, func(tx Tx) error { _, err := d.book(ctx, tx, k); return err })
	}
	gate := func() error { k := key(); _, err := d.Do(ctx, k, d.effect(ctx, k)); return err }
	if _, err := d.Do(ctx, "the same", d.effect(ctx, "the same")); err != nil {
		b.Fatal(err)
	}
	again := func() error { _, err := d.Do(ctx, "the same", d.effect(ctx, "the same")); return err }
	inside := func() error {
		k := key()
		return d.inside(ctx, func(tx Tx) error { _, err := d.In(tx).Do(ctx, k, d.effect(ctx, k)); return err })
	}
	outside := barrier.Outside{Perform: func(context.Context, agent.Task) (agent.Result, error) { return agent.Result{}, nil }}
	phases := func() error { _, err := d.PerformOutside(outside)(ctx, agent.Task{Key: key()}); return err }
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"without", bare}, {"with", gate}, {"inside", inside}, {"duplicate", again}, {"phases", phases},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if parallel < 2 {
		return
	}
	for name, call := range map[string]func() error{"without": bare, "with": gate} {
		b.Run(name+", side by side", func(b *testing.B) {
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := call(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
