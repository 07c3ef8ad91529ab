package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// Progress is told how many of the events that were missing have been read.
type Progress func(read, missing uint64)

// A batch is what is written in one transaction.
type batch struct {
	events []events.Event
	next   uint64 // the sequence behind it
}

// How much is written in one transaction: whichever is reached first.
var batchEvents = 8 << 10

const batchBytes = 16 << 20

// CatchUp reads what was written since the index stopped, up to what is there when
// it is called. It waits for a process that does so already. When it is given up,
// what it has read so far stays. Tell may be nil.
func (x *Index) CatchUp(ctx context.Context, from Source, tell Progress) error {
	behind, err := x.behind(ctx, from)
	if err != nil || behind == nil {
		return err
	}
	unlock, err := x.acquire(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if behind, err = x.behind(ctx, from); err != nil || behind == nil {
		return err // somebody else has done it meanwhile
	}
	var read, missing uint64
	for _, b := range behind {
		missing += b.missing()
	}
	step := func(n uint64) {
		if read += n; tell != nil {
			tell(min(read, missing), missing)
		}
	}
	for _, b := range behind {
		if err := x.read(ctx, from, b, step); err != nil {
			return fmt.Errorf("catch up with sagas of type %q: %w", b.typ, err)
		}
	}
	return nil
}

// Follow catches up again and again, until ctx is done, which is no error. Who asks
// the index catches up first anyway: this keeps what they have to read small.
func (x *Index) Follow(ctx context.Context, from Source, every time.Duration, failed func(error)) {
	for {
		if err := x.CatchUp(ctx, from, nil); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// A mark is how far a type was read, and how far its stream reaches.
type mark struct {
	typ  string
	n    int64 // of its row; 0: there is none yet
	born int64
	next uint64
	now  events.Extent
	gone bool // the type has no stream any more
}

func (m mark) current() bool {
	return m.n != 0 && !m.gone && m.born == m.now.Born.UnixNano() && m.next == m.now.Last+1
}

// stale reports whether what was read is of another stream: of one that was removed,
// or that was put back to what it was earlier.
func (m mark) stale() bool {
	return m.n != 0 && (m.gone || m.born != m.now.Born.UnixNano() || m.next > m.now.Last+1)
}

func (m mark) missing() uint64 {
	switch {
	case m.gone:
		return 0
	case m.stale():
		return m.now.Last
	default:
		return m.now.Last + 1 - max(m.next, 1)
	}
}

// behind lists the types of which something is missing or stale.
func (x *Index) behind(ctx context.Context, from Source) ([]mark, error) {
	marks, err := x.marks(ctx)
	if err != nil {
		return nil, err
	}
	types, err := from.Types(ctx)
	if err != nil {
		return nil, err
	}
	for _, typ := range types {
		now, err := from.Extent(ctx, typ)
		switch {
		case errors.Is(err, events.ErrNoType):
			continue // it was removed since
		case err != nil:
			return nil, err
		}
		m := marks[typ]
		m.typ, m.now, m.gone = typ, now, false
		marks[typ] = m
	}
	var behind []mark
	for _, typ := range slices.Sorted(maps.Keys(marks)) {
		if m := marks[typ]; !m.current() {
			behind = append(behind, m)
		}
	}
	return behind, nil
}

// marks reads how far each type was read. Each is gone until it is found.
func (x *Index) marks(ctx context.Context) (map[string]mark, error) {
	rows, err := x.reading.QueryContext(ctx, `SELECT type, n, born, next FROM stream`)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", explain(err))
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	marks := map[string]mark{}
	for rows.Next() {
		m := mark{gone: true}
		if err := rows.Scan(&m.typ, &m.n, &m.born, &m.next); err != nil {
			return nil, fmt.Errorf("read the index: %w", explain(err))
		}
		marks[m.typ] = m
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the index: %w", explain(err))
	}
	return marks, nil
}

// read brings one type up to date: one goroutine reads, this one folds and writes.
func (x *Index) read(ctx context.Context, from Source, m mark, step func(uint64)) error {
	if m.stale() {
		if err := x.forget(ctx, m); err != nil || m.gone {
			return err
		}
		m.n = 0
	}
	if m.n == 0 {
		if err := x.begin(ctx, &m); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	batches := make(chan batch, 1)
	var failed error
	go func() {
		defer close(batches)
		failed = collect(ctx, from, m.typ, m.next, batches)
	}()
	known := x.memory.of(m)
	for b := range batches {
		before := m.next
		if err := x.apply(ctx, from, &m, known, b); err != nil {
			stop(err)
			for range batches { // until the reader has heard of it
			}
			return err
		}
		step(m.next - before)
	}
	return failed
}

// collect reads a type from a sequence on, in batches.
func collect(ctx context.Context, from Source, typ string, next uint64, to chan<- batch) error {
	var b batch
	size := 0
	send := func() error {
		select {
		case to <- b:
			b, size = batch{}, 0
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	end, err := from.ScanFrom(ctx, typ, next, func(e events.Event) error {
		b.events, b.next = append(b.events, e), e.Seq+1
		if size += len(e.Data); len(b.events) >= batchEvents || size >= batchBytes {
			return send()
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.next = max(end, next)
	return send()
}

// begin makes the row of a type, which is read from its first event on.
func (x *Index) begin(ctx context.Context, m *mark) error {
	m.born, m.next = m.now.Born.UnixNano(), 1
	return x.write(ctx, func(tx *sql.Tx) error {
		return tx.QueryRow(`INSERT INTO stream (type, born, next) VALUES (?, ?, 1) RETURNING n`, m.typ, m.born).Scan(&m.n)
	})
}

// forget removes all that is known of a type.
func (x *Index) forget(ctx context.Context, m mark) error {
	x.memory.forget(m.typ)
	return x.write(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"place", "saga", "tally"} {
			if _, err := tx.Exec(`DELETE FROM `+table+` WHERE stream = ?`, m.n); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM stream WHERE n = ?`, m.n)
		return err
	})
}
