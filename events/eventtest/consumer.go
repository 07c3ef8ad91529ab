package eventtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A consumer is durable: it outlives those who consume under its name.
type consumer struct {
	name    string
	stream  *stream
	typ     string
	created time.Time
	filters []string
	lease   time.Duration
	next    uint64            // nothing from here on was delivered yet
	open    map[uint64]*ready // delivered, and not acknowledged
	asking  int               // how many wait for a message right now
	last    time.Time         // when it last gave one
}

// ready says when a message may be delivered again.
type ready struct{ at time.Time }

var errSettled = errors.New("the delivery was acknowledged or released already")

// Consume implements [events.Source]. It takes a message only when a call is
// free to work on it, the lowest sequence first.
func (l *Log) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	fail := func(err error) error { return unlessDone(ctx, fmt.Errorf("consume as %q: %w", c.Name, err)) }
	k, err := l.consumer(ctx, c)
	if err != nil {
		return fail(err)
	}
	if c.There != nil {
		c.There()
	}
	free := make(chan struct{}, max(c.Concurrency, 1))
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		d, err := l.take(ctx, k)
		if err != nil {
			return fail(err)
		}
		calls.Go(func() {
			defer func() { <-free }()
			handle(ctx, d)
		})
	}
}

// consumer finds the durable, or makes it. Its filters and its lease are those
// of the last who asked; its position stays.
func (l *Log) consumer(ctx context.Context, c events.Consumer) (*consumer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	s, err := l.saga(c.Type)
	if err != nil {
		return nil, err
	}
	all := s.subjects
	if c.Timers {
		s, all = l.timers, "timer.due."+c.Type+".>"
	}
	if err := legal(c, all); err != nil {
		return nil, err
	}
	key := s.name + " " + c.Name
	k := l.consumers[key]
	switch {
	case k == nil:
		k = &consumer{name: c.Name, stream: s, typ: c.Type, created: time.Now(), next: 1, open: map[uint64]*ready{}}
		if c.Reach > 0 {
			k.next = s.since(k.created.Add(-c.Reach))
		}
		l.consumers[key] = k
	case k.typ != c.Type:
		return nil, fmt.Errorf("the name is taken in %s by saga type %q", s.name, k.typ)
	}
	if k.filters = slices.Clone(c.Filters); len(k.filters) == 0 {
		k.filters = []string{all}
	}
	if k.lease = c.Lease; k.lease <= 0 {
		k.lease = 30 * time.Second
	}
	return k, nil
}

// legal refuses what a broker refuses.
func legal(c events.Consumer, all string) error {
	if c.Name == "" {
		return errors.New("the name is empty")
	}
	for _, r := range c.Name {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return fmt.Errorf("%q is not allowed in the name, only letters, digits, - and _", r)
		}
	}
	for i, f := range c.Filters {
		if !collide(f, all) {
			return fmt.Errorf("filter %q: nothing of %q passes it", f, all)
		}
		for _, g := range c.Filters[:i] {
			if collide(f, g) {
				return fmt.Errorf("filters %q and %q overlap", g, f)
			}
		}
	}
	return nil
}

// take waits for a message that nobody holds, and holds it.
func (l *Log) take(ctx context.Context, k *consumer) (events.Delivery, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var seq uint64
	k.asking++
	err := l.await(ctx, k.stream, func() (bool, time.Time) {
		var again time.Time
		seq, again = k.find(time.Now())
		return seq > 0, again
	})
	k.asking--
	if err != nil {
		return events.Delivery{}, err
	}
	k.last = time.Now()
	held, again := k.open[seq]
	if !again {
		held = &ready{}
		k.open[seq] = held
	}
	held.at = time.Now().Add(k.lease)
	m := k.stream.at(seq)
	return events.Delivery{
		Subject: m.subject, Stream: k.stream.name, Seq: seq, Time: m.time,
		Redelivered: again, Old: m.time.Before(k.created),
		Event: m.copyEvent(), Timer: m.timer, Err: m.err,
		Lease: &lease{log: l, of: k, seq: seq},
	}, nil
}

// find returns the lowest sequence that may be delivered now; else 0, and when
// the next that is held now may be.
func (k *consumer) find(now time.Time) (seq uint64, again time.Time) {
	for held, r := range k.open {
		switch {
		case !r.at.After(now):
			if seq == 0 || held < seq {
				seq = held
			}
		case again.IsZero() || r.at.Before(again):
			again = r.at
		}
	}
	if seq > 0 {
		return seq, never
	}
	for ; k.next <= k.stream.last(); k.next++ {
		subject := k.stream.at(k.next).subject
		if slices.ContainsFunc(k.filters, func(f string) bool { return collide(f, subject) }) {
			k.next++
			return k.next - 1, never
		}
	}
	return 0, again
}

// A lease speaks for a message, as a broker takes it: what a late holder says
// counts, whoever has the message now.
type lease struct {
	log     *Log
	of      *consumer
	seq     uint64
	settled bool
}

// Ack implements [events.Lease].
func (h *lease) Ack() error {
	return h.say("acknowledge", true, func(*ready) { delete(h.of.open, h.seq) })
}

// Extend implements [events.Lease].
func (h *lease) Extend() error {
	return h.say("extend", false, func(r *ready) { r.at = time.Now().Add(h.of.lease) })
}

// Release implements [events.Lease].
func (h *lease) Release(after time.Duration) error {
	return h.say("release", true, func(r *ready) {
		r.at = time.Now().Add(after)
		h.of.stream.bell.ring()
	})
}

func (h *lease) say(verb string, settles bool, do func(*ready)) error {
	l := h.log
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	switch {
	case l.closed:
		err = errClosed
	case h.settled:
		err = errSettled
	}
	if err != nil {
		return fmt.Errorf("%s message %d of %s: %w", verb, h.seq, h.of.stream.name, err)
	}
	h.settled = settles
	if r := h.of.open[h.seq]; r != nil { // else another holder has acknowledged it
		do(r)
	}
	return nil
}
