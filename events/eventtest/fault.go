package eventtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// ErrDead is what a process hears of its log after it died there.
var ErrDead = errors.New("this process is dead")

// Faults says where a process dies and what gets lost. The zero value breaks
// nothing. The functions are called without any lock, by several goroutines.
type Faults struct {
	// BeforeAppend may kill the process before an event is appended, by
	// returning an error. Or it freezes it there: then the event was decided
	// before the pause and is appended after it.
	BeforeAppend func(events.Event) error
	// AfterAppend may kill it after the event was stored, before the process
	// hears of it.
	AfterAppend func(events.Event) error
	// LoseAnswer reports whether the answer to an append that was stored gets
	// lost. The event is then appended again, as by any log that tries until
	// it knows; the functions above are asked again too.
	LoseAnswer func(events.Event) bool
}

// A Faulty is the log as one process sees it, with that process's faults. A
// restarted process is a new Faulty around the same log.
//
// Dead, it does nothing any more: every call fails with [ErrDead], what it
// holds is neither acknowledged nor extended, and the contexts of its handlers
// are done.
//
// Frozen, as by a long pause or a cut wire, it has lost touch: its calls wait
// until it thaws, nothing is delivered to it, and what it says of its
// deliveries gets lost. So its leases run out, others take its work over, and
// when it thaws it goes on as if nothing had happened.
type Faulty struct {
	log    events.Log
	faults Faults

	life context.Context // done when the process is dead
	die  context.CancelFunc

	mu     sync.Mutex
	thawed chan struct{} // nil unless frozen
	counts Counts
}

var _ events.Log = (*Faulty)(nil)

// Counts says how often a process used its log.
type Counts struct {
	Appends    int // calls that reached the log; a lost answer makes two
	Reads      int // of a history
	Timers     int // set
	Deliveries int
	Acks       int // not those that got lost
	Puts       int // of results on the shelf
	Gets       int // of the same
}

// NewFaulty puts a process's faults before a log.
func NewFaulty(log events.Log, faults Faults) *Faulty {
	f := &Faulty{log: log, faults: faults}
	f.life, f.die = context.WithCancel(context.Background())
	return f
}

// Kill ends the process, wherever it is.
func (f *Faulty) Kill() { f.die() }

// Dead is closed when the process is dead.
func (f *Faulty) Dead() <-chan struct{} { return f.life.Done() }

// Freeze stops the process until it is thawed.
func (f *Faulty) Freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.thawed == nil {
		f.thawed = make(chan struct{})
	}
}

// Thaw lets it go on.
func (f *Faulty) Thaw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.thawed != nil {
		close(f.thawed)
		f.thawed = nil
	}
}

// Counts returns the counts so far.
func (f *Faulty) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

func (f *Faulty) count(n *int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*n++
}

// frozen returns nil, or what is closed by the thaw.
func (f *Faulty) frozen() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.thawed
}

// pass waits while the process is frozen, and fails when it is dead.
func (f *Faulty) pass(ctx context.Context) error {
	for {
		thaw := f.frozen()
		switch {
		case f.life.Err() != nil:
			return ErrDead
		case thaw == nil:
			return nil
		}
		select {
		case <-thaw:
		case <-f.life.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// call lets one call through to the log, and ends it when the process dies.
// Both the call and its answer wait while the process is frozen.
func (f *Faulty) call(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.life, cancel)()
	if err := f.pass(ctx); err != nil {
		return f.deathOr(err)
	}
	err := do(ctx)
	if frozen := f.pass(ctx); frozen != nil {
		err = frozen
	}
	return f.deathOr(err)
}

// listen is call for those whose ordinary end is that of their context.
func (f *Faulty) listen(ctx context.Context, do func(context.Context) error) error {
	err := f.call(ctx, do)
	if ctx.Err() != nil && !errors.Is(err, ErrDead) {
		return nil
	}
	return err
}

// deathOr prefers the death of the process to what came of it.
func (f *Faulty) deathOr(err error) error {
	if f.life.Err() != nil {
		return ErrDead
	}
	return err
}

// Ensure implements [events.Log].
func (f *Faulty) Ensure(ctx context.Context, typ string) error {
	return f.call(ctx, func(ctx context.Context) error { return f.log.Ensure(ctx, typ) })
}

// Types implements [events.Log].
func (f *Faulty) Types(ctx context.Context) (types []string, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		types, err = f.log.Types(ctx)
		return err
	})
	return types, err
}

// Append implements [events.Appender].
func (f *Faulty) Append(ctx context.Context, e events.Event) (seq uint64, err error) {
	for again := true; again; {
		again = false
		err = f.call(ctx, func(ctx context.Context) error {
			if f.diesAt(f.faults.BeforeAppend, e) {
				return ErrDead
			}
			if err := f.pass(ctx); err != nil { // it may have frozen there
				return err
			}
			f.count(&f.counts.Appends)
			if seq, err = f.log.Append(ctx, e); err != nil {
				return err
			}
			if f.diesAt(f.faults.AfterAppend, e) {
				return ErrDead
			}
			again = f.faults.LoseAnswer != nil && f.faults.LoseAnswer(e)
			return nil
		})
	}
	if err != nil {
		return 0, err
	}
	return seq, nil
}

func (f *Faulty) diesAt(point func(events.Event) error, e events.Event) bool {
	if point != nil && point(e) != nil {
		f.Kill()
	}
	return f.life.Err() != nil
}

// History implements [events.Reader].
func (f *Faulty) History(ctx context.Context, typ, id string, atLeast uint64) (history []events.Event, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Reads)
		history, err = f.log.History(ctx, typ, id, atLeast)
		return err
	})
	if err != nil {
		return nil, err
	}
	return history, nil
}

// Follow implements [events.Reader].
func (f *Faulty) Follow(ctx context.Context, typ, id string, from uint64, see func(events.Event) error) error {
	return f.listen(ctx, func(ctx context.Context) error {
		return f.log.Follow(ctx, typ, id, from, func(e events.Event) error {
			if err := f.pass(ctx); err != nil {
				return err
			}
			return see(e)
		})
	})
}

// Scan implements [events.Reader].
func (f *Faulty) Scan(ctx context.Context, typ string, see func(events.Event) error) error {
	return f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Reads)
		return f.log.Scan(ctx, typ, see)
	})
}

// Extent implements [events.Scanner].
func (f *Faulty) Extent(ctx context.Context, typ string) (reach events.Extent, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Reads)
		reach, err = f.log.Extent(ctx, typ)
		return err
	})
	return reach, err
}

// ScanFrom implements [events.Scanner].
func (f *Faulty) ScanFrom(ctx context.Context, typ string, from uint64, see func(events.Event) error) (next uint64, err error) {
	next = max(from, 1)
	err = f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Reads)
		next, err = f.log.ScanFrom(ctx, typ, from, see)
		return err
	})
	return next, err
}

// SetTimer implements [events.Timekeeper].
func (f *Faulty) SetTimer(ctx context.Context, t events.Timer) error {
	return f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Timers)
		return f.log.SetTimer(ctx, t)
	})
}

// Put implements [events.Shelf].
func (f *Faulty) Put(ctx context.Context, typ string, data []byte) (r events.Ref, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Puts)
		r, err = f.log.Put(ctx, typ, data)
		return err
	})
	if err != nil {
		return events.Ref{}, err
	}
	return r, nil
}

// Get implements [events.Shelf].
func (f *Faulty) Get(ctx context.Context, typ string, r events.Ref) (data []byte, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		f.count(&f.counts.Gets)
		data, err = f.log.Get(ctx, typ, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Announce implements [events.Directory]. It says nothing of being frozen.
func (f *Faulty) Announce(ctx context.Context, i events.Instance, vitals func() events.Vitals) error {
	return f.listen(ctx, func(ctx context.Context) error {
		return f.log.Announce(ctx, i, vitals)
	})
}

// Instances implements [events.Directory].
func (f *Faulty) Instances(ctx context.Context, typ string) (all []events.Instance, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		all, err = f.log.Instances(ctx, typ)
		return err
	})
	return all, err
}

// Backlogs implements [events.Directory].
func (f *Faulty) Backlogs(ctx context.Context, typ string) (all []events.Backlog, err error) {
	err = f.call(ctx, func(ctx context.Context) error {
		all, err = f.log.Backlogs(ctx, typ)
		return err
	})
	return all, err
}

// Consume implements [events.Source].
func (f *Faulty) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	return f.listen(ctx, func(ctx context.Context) error {
		return f.log.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
			if f.frozen() != nil {
				// A frozen process asks for nothing. What the log hands it all
				// the same is for another one, and this call hands out no
				// more until the thaw.
				_ = d.Release(0)
				_ = f.pass(ctx)
				return
			}
			if f.pass(ctx) != nil {
				return
			}
			f.count(&f.counts.Deliveries)
			d.Lease = faultyLease{f, d.Lease}
			handle(ctx, d)
		})
	})
}

// A faultyLease is lost on the way while its process is frozen.
type faultyLease struct {
	f *Faulty
	events.Lease
}

func (h faultyLease) Ack() error {
	return h.say(func() error {
		h.f.count(&h.f.counts.Acks)
		return h.Lease.Ack()
	})
}

func (h faultyLease) Extend() error { return h.say(h.Lease.Extend) }

func (h faultyLease) Release(after time.Duration) error {
	return h.say(func() error { return h.Lease.Release(after) })
}

func (h faultyLease) say(do func() error) error {
	switch {
	case h.f.life.Err() != nil:
		return ErrDead
	case h.f.frozen() != nil:
		return nil
	default:
		return do()
	}
}
