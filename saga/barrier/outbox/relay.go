package outbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

// A Relay says how rows are brought to the log. Its zero value works.
type Relay struct {
	Name    string        // who submits, in the sagas' histories; default "outbox"
	Keep    bool          // mark what was delivered, instead of deleting it
	Batch   int           // rows that are taken at once; default 50
	Poll    time.Duration // how often to look unasked; default 5 s in PostgreSQL, 0.2 s in SQLite
	Timeout time.Duration // of one submission; default 10 s
	Tries   int           // until a row whose saga type is not there is put aside; default 20, which takes a quarter of an hour
	Logger  *slog.Logger  // default [slog.Default]
}

// Relay brings what is put into the box to the log, until ctx is done, which is
// no error. It bears that the database or the broker is away, and goes on when
// they are back; it returns early only when there is no table.
//
// Any number of relays may run side by side, in any number of processes.
func (b *Box[Tx]) Relay(ctx context.Context, log events.Log, r Relay) error {
	if b.wrong != nil {
		return fmt.Errorf("relay the outbox: %w", b.wrong)
	}
	if err := b.table.fits(ctx); errors.Is(err, errNoTable) {
		return fmt.Errorf("relay the outbox: %w", err)
	}
	r.Name = cmp.Or(r.Name, "outbox")
	r.Batch = cmp.Or(max(r.Batch, 0), 50)
	r.Poll = cmp.Or(r.Poll, b.table.poll())
	r.Timeout = cmp.Or(r.Timeout, 10*time.Second)
	r.Tries = cmp.Or(r.Tries, 20)
	r.Logger = cmp.Or(r.Logger, slog.Default())

	bell := make(chan struct{}, 1)
	ring := func() {
		select {
		case bell <- struct{}{}:
		default: // it rings already
		}
	}
	ctx, stop := context.WithCancel(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer stop()
	listening.Go(func() { hear(ctx, r.Logger, b.table.listen, ring) })

	w := worker{Relay: r, log: log, away: map[string]*trouble{}}
	database := trouble{log: r.Logger.With("what", "database")}
	for ctx.Err() == nil {
		n, err := b.table.take(ctx, r.Batch, w.absent(), r.Keep, func(row Row) end { return w.row(ctx, row) })
		switch {
		case ctx.Err() != nil:
		case err != nil:
			rest(ctx, database.met(err), nil)
		case n == r.Batch: // there may be more
			database.over()
		default:
			database.over()
			rest(ctx, min(r.Poll, w.back()), bell)
		}
	}
	return nil
}

// errNoTable: somebody forgot to migrate.
var errNoTable = errors.New("there is no table of the outbox\nhint: call Migrate first")

// A worker is one relay at work.
type worker struct {
	Relay
	log  events.Log
	away map[string]*trouble // types whose stream does not answer
}

// absent lists the types that are left alone for a moment. A stream that does
// not answer costs a timeout each time that it is asked, and rows of other types
// must not pay for it.
func (w worker) absent() []string {
	types := []string{}
	for typ, t := range w.away {
		if time.Now().Before(t.until) {
			types = append(types, typ)
		}
	}
	return types
}

// back is when the first of them may be asked again.
func (w worker) back() time.Duration {
	first := time.Duration(math.MaxInt64)
	for _, t := range w.away {
		first = min(first, time.Until(t.until))
	}
	return max(first, 10*time.Millisecond)
}

// row tries to deliver one row.
func (w worker) row(ctx context.Context, row Row) end {
	if ctx.Err() != nil || slices.Contains(w.absent(), row.Type) {
		return end{}
	}
	e, err := w.deliver(ctx, row)
	if e.kind == untouched {
		if ctx.Err() == nil {
			t, known := w.away[row.Type]
			if !known {
				t = &trouble{log: w.Logger.With("what", "broker", "type", row.Type)}
				w.away[row.Type] = t
			}
			t.met(err)
		}
		return e
	}
	if t, was := w.away[row.Type]; was {
		t.over()
		delete(w.away, row.Type)
	}
	if e.kind != delivered {
		w.Logger.Warn("a task in the outbox is not delivered", "type", row.Type, "saga", row.ID,
			"aside", e.kind == aside, "tries", row.Tries+1, "error", e.error)
	}
	return e
}

// deliver submits a row, if it could ever be accepted. The error is why nothing
// is known.
func (w worker) deliver(ctx context.Context, row Row) (end, error) {
	if err := check(row.Type, row.ID, row.Payload); err != nil {
		return end{aside, err.Error(), 0}, nil
	}
	limited, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	by := fmt.Sprintf("%s/%d", w.Name, row.Seq)
	_, err := client.Submit(limited, traced{w.log, row}, row.Type, row.ID, row.Payload, by)
	if errors.Is(err, client.ErrDuplicate) {
		err = mine(limited, w.log, row, by)
	}
	switch {
	case err == nil:
		return end{kind: delivered}, nil
	case errors.Is(err, ErrTaken):
		return end{aside, err.Error(), 0}, nil
	case limited.Err() != nil:
		return end{}, err
	case errors.Is(err, events.ErrNoType) && row.Tries+1 >= w.Tries:
		return end{aside, err.Error(), 0}, nil
	default:
		return end{later, err.Error(), pause(row.Tries)}, nil
	}
}

// mine looks whose task it is that is in the log under a row's id: this row's,
// submitted by a relay that did not live to note it, or by somebody else's way;
// or another one.
func mine(ctx context.Context, log events.Log, row Row, by string) error {
	history, err := log.History(ctx, row.Type, row.ID, 0)
	if err != nil {
		return fmt.Errorf("look whose task it is: %w", err)
	}
	for _, e := range history {
		if e.Subject != events.TaskSubject(row.Type, row.ID) {
			continue
		}
		if e.Source == by || same(e.Data, row.Payload) {
			return nil
		}
		return fmt.Errorf("%w: its saga began at %s", ErrTaken, e.Time.UTC().Format(time.RFC3339))
	}
	return errors.New("the log has the saga, but does not show its task yet")
}

// same compares JSON by what it says. The way to the log changes how it is
// written.
func same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	read := func(text []byte) (v any, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		err = d.Decode(&v)
		return v, err
	}
	x, errX := read(a)
	y, errY := read(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// pause is how long a row waits for its next try: from one second to one
// minute, and never two rows for as long.
func pause(tries int) time.Duration {
	full := min(time.Second<<min(tries, 6), time.Minute)
	return full/2 + rand.N(full/2)
}

// rest waits, until it rings if there is a bell.
func rest(ctx context.Context, d time.Duration, bell <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-bell:
	}
}

// A trouble is told once when it begins and once when it is over, and is given
// more time while it lasts.
type trouble struct {
	log   *slog.Logger
	times int
	until time.Time // nobody asks again before
}

func (t *trouble) met(err error) time.Duration {
	if t.times++; t.times == 1 {
		t.log.Warn("the outbox delivers nothing, trying on", "error", err)
	}
	full := min(100*time.Millisecond<<min(t.times, 6), 5*time.Second)
	wait := full/2 + rand.N(full/2)
	t.until = time.Now().Add(wait)
	return wait
}

func (t *trouble) over() {
	if t.times > 0 {
		t.log.Info("the outbox delivers again", "tries", t.times)
		t.times = 0
	}
}

// hear listens until ctx is done, again whenever it ends before.
func hear(ctx context.Context, log *slog.Logger, listen func(context.Context, func()) error, ring func()) {
	for times := 0; ctx.Err() == nil; times++ {
		err := listen(ctx, func() { times = 0; ring() })
		if err == nil || ctx.Err() != nil {
			return
		}
		log.Warn("the outbox hears no bell, and polls until it does", "error", err)
		rest(ctx, min(100*time.Millisecond<<min(times, 8), 30*time.Second), nil)
	}
}
