package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga/barrier/outbox"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// BenchmarkRelay is one relay that brings a row to the log.
func BenchmarkRelay(b *testing.B) {
	b.Run("postgres", func(b *testing.B) {
		relays[pgx.Tx](b, postgres(b, pgtest.Open(b), outbox.Config{}))
	})
	b.Run("sqlite", func(b *testing.B) {
		relays[*sql.Tx](b, sqlite(b, filepath.Join(b.TempDir(), "shop.db"), outbox.Config{}))
	})
}

func relays[Tx any](b *testing.B, s shop[Tx]) {
	log := brokertest.Open(b)
	if err := log.Ensure(b.Context(), "order"); err != nil {
		b.Fatal(err)
	}
	err := s.inside(b.Context(), func(tx Tx) error {
		for n := range b.N {
			if err := s.Put(b.Context(), tx, "order", fmt.Sprintf("order-%d-%d", b.N, n), []byte(`{"item": "a book"}`)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	ended := make(chan error, 1)
	b.ResetTimer()
	go func() { ended <- s.Relay(ctx, log, outbox.Relay{Logger: slog.New(slog.DiscardHandler)}) }()
	eventually(b, "all is delivered", func() bool { return s.rows(b, "waiting") == 0 })
	b.StopTimer()
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
