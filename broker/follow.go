package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/unwind-saga/unwind/events"
)

// atATime is how many events a follower asks for in one request.
const atATime = 128

// Follow implements [events.Reader]. What is no event is left out. It reads
// through a consumer of its own that the broker forgets: where it stands is
// known here, so it begins another behind the last event seen whenever
// anything is lost. Follow returns nil when ctx is done.
func (l *Log) Follow(ctx context.Context, typ, id string, from uint64, see func(events.Event) error) error {
	fail := func(err error) error { return fmt.Errorf("follow sagas of type %q: %w", typ, err) }
	if err := events.ValidName("saga type", typ); err != nil {
		return fail(err)
	}
	f := &follower{l: l, stream: sagaStream(typ), next: max(from, 1), batch: atATime, see: see}
	if id != "" {
		if err := events.ValidID(id); err != nil {
			return fail(err)
		}
		f.filter = events.HistoryFilter(typ, id)
		if err := f.leap(ctx); err != nil {
			return err
		}
	}
	if err := f.follow(ctx); err != nil && ctx.Err() == nil {
		if seen, ok := errors.AsType[seenError](err); ok {
			return seen.error
		}
		return fail(err)
	}
	return nil
}

// leap shows what one question brings of a saga, and goes on behind it: for a consumer
// that begins at the first event, the broker looks at every subject that there is. Where
// it brings nothing, the consumer does.
func (f *follower) leap(ctx context.Context) error {
	v, err := f.l.look(ctx, f.stream, f.filter)
	if err != nil || v.upTo == 0 {
		return nil // whatever it was, the consumer meets it too
	}
	for _, e := range f.l.decode(v) {
		if e.Seq < f.next {
			continue
		}
		if err := f.see(e); err != nil {
			return err
		}
	}
	f.next = max(f.next, v.upTo+1)
	return nil
}

// Scan implements [events.Reader].
func (l *Log) Scan(ctx context.Context, typ string, see func(events.Event) error) error {
	_, err := l.ScanFrom(ctx, typ, 1, see)
	return err
}

// ScanFrom implements [events.Scanner].
func (l *Log) ScanFrom(ctx context.Context, typ string, from uint64, see func(events.Event) error) (uint64, error) {
	f := &follower{l: l, stream: sagaStream(typ), next: max(from, 1), batch: 32 * atATime, scan: true, see: see}
	fail := func(err error) (uint64, error) {
		return f.next, fmt.Errorf("scan sagas of type %q: %w", typ, err)
	}
	if err := events.ValidName("saga type", typ); err != nil {
		return fail(err)
	}
	err := f.follow(ctx)
	if seen, ok := errors.AsType[seenError](err); ok {
		return f.next, seen.error
	}
	if err != nil && !errors.Is(err, errAllSeen) {
		return fail(err)
	}
	return f.next, nil
}

// errAllSeen ends a scan.
var errAllSeen = errors.New("all that was there has been seen")

// follow goes on until ctx is done, whoever sees has enough, a scan is at its
// end, or nothing can be read.
func (f *follower) follow(ctx context.Context) error {
	l := f.l
	var pause backoff
	trouble := l.trouble()
	for {
		before := f.next
		err := f.run(ctx)
		_, seen := errors.AsType[seenError](err)
		switch {
		case seen, errors.Is(err, errAllSeen):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case code(err) == codeNoStream:
			return events.ErrNoType
		case hopeless(err):
			return explain(err)
		}
		if f.next > before {
			pause, trouble = backoff{}, l.trouble()
		}
		trouble.tell("the broker does not serve a follower, trying on", "stream", f.stream, "next", f.next, "error", err)
		if err := pause.wait(ctx); err != nil {
			return err
		}
	}
}

// seenError is the error of whoever sees, and none of ours.
type seenError struct{ error }

// A follower reads a stream in order, through one consumer after another.
type follower struct {
	l      *Log
	stream string
	filter string // empty: all of it. One that lets all pass is costly: of a million sagas the broker counts what it lets pass for minutes
	next   uint64 // the first sequence that was not seen
	batch  int    // how many are asked for in one request
	scan   bool   // only what is there now
	see    func(events.Event) error
}

// run reads through one consumer until something goes wrong.
func (f *follower) run(ctx context.Context) error {
	name := "follow-" + nuid.Next()
	p, err := f.l.newPull(f.stream, name)
	if err != nil {
		return err
	}
	defer p.close()
	there, err := f.create(ctx, name)
	if err != nil {
		return err
	}
	defer f.remove(ctx, name)
	if f.scan && there == 0 {
		return errAllSeen
	}

	clock := time.NewTimer(0)
	defer clock.Stop()
	for heard := uint64(1); ; {
		if p.left == 0 {
			ask := f.batch
			if f.scan { // what was asked for and never comes is costly to call off
				ask = int(min(uint64(ask), there-heard+1))
			}
			if err := p.ask(ask); err != nil {
				return err
			}
		}
		clock.Reset(time.Until(p.ends))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.l.closed:
			return nats.ErrConnectionClosed
		case <-clock.C:
			if p.lost() {
				return errLost
			}
		case m := <-p.msgs:
			switch p.hear(m) {
			case delivery:
				if err := f.take(m, heard); err != nil {
					return err
				}
				if f.scan && heard >= there {
					return errAllSeen
				}
				heard++
				// Who sees may be slow; what was sent in time is not lost.
				p.ends = time.Now().Add(p.stands + grace)
			case over, late:
				if f.scan && p.left == 0 {
					return errLost // what was there has been removed meanwhile
				}
			default:
				return errLost
			}
		}
	}
}

// take shows one event. The consumer counts what it sends, so a gap shows.
func (f *follower) take(m *nats.Msg, heard uint64) error {
	about, err := m.Metadata()
	if err != nil {
		return err
	}
	seq := about.Sequence.Stream
	if about.Sequence.Consumer != heard || seq < f.next {
		return errLost
	}
	e, err := events.Decode(m.Subject, events.Header(m.Header), m.Data, seq, about.Timestamp)
	if err != nil {
		f.l.strange(m.Subject, seq, err)
	} else if err := f.see(e); err != nil {
		return seenError{err}
	}
	f.next = seq + 1
	return nil
}

// create makes the consumer, and says how much there is for it to bring.
func (f *follower) create(ctx context.Context, name string) (there uint64, err error) {
	var have jetstream.ConsumerInfo
	err = f.l.putDurable(ctx, f.stream, "create", jetstream.ConsumerConfig{
		Name: name, Description: "a follower",
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: f.next,
		AckPolicy: jetstream.AckNonePolicy, FilterSubject: f.filter,
		MemoryStorage: true, Replicas: 1,
		InactiveThreshold: max(time.Minute, 4*f.l.pull),
	}, &have)
	return have.NumPending, err
}

// remove tidies up behind itself; what it can't, the broker removes later.
func (f *follower) remove(ctx context.Context, name string) {
	if !f.l.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = f.l.request(ctx, &nats.Msg{Subject: f.l.api + "CONSUMER.DELETE." + f.stream + "." + name})
}
