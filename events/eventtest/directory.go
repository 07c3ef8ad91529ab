package eventtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/events"
)

// A presence is an instance that is there.
type presence struct {
	events.Instance
	vitals func() events.Vitals
}

// Announce implements [events.Directory].
func (l *Log) Announce(ctx context.Context, i events.Instance, vitals func() events.Vitals) error {
	fail := func(err error) error {
		return unlessDone(ctx, fmt.Errorf("announce instance %q of agent %q: %w", i.Name, i.Agent, err))
	}
	if err := errors.Join(i.Validate(), ctx.Err()); err != nil {
		return fail(err)
	}
	i.Declared = slices.Clone(i.Declared)
	p := &presence{i, vitals}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fail(errClosed)
	}
	l.present[p] = struct{}{}
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	delete(l.present, p)
	l.mu.Unlock()
	return nil
}

// Instances implements [events.Directory].
func (l *Log) Instances(ctx context.Context, typ string) ([]events.Instance, error) {
	l.mu.Lock()
	if err := l.usable(ctx); err != nil {
		l.mu.Unlock()
		return nil, fmt.Errorf("ask who is there: %w", err)
	}
	var there []*presence
	for p := range l.present {
		if typ == "" || p.Type == typ {
			there = append(there, p)
		}
	}
	l.mu.Unlock()
	var all []events.Instance
	for _, p := range there { // without the lock: vitals are somebody else's
		i := p.Instance
		i.Declared, i.Vitals = slices.Clone(i.Declared), p.vitals()
		all = append(all, i)
	}
	events.SortInstances(all)
	return all, nil
}

// Backlogs implements [events.Directory].
func (l *Log) Backlogs(ctx context.Context, typ string) ([]events.Backlog, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.usable(ctx)
	if err == nil {
		_, err = l.saga(typ)
	}
	if err != nil {
		return nil, fmt.Errorf("ask what waits for the agents of type %q: %w", typ, err)
	}
	var all []events.Backlog
	for _, k := range l.consumers {
		purpose, agent, ok := events.PurposeOf(typ, k.name, k.stream == l.timers)
		if k.typ != typ || !ok {
			continue
		}
		b := events.Backlog{
			Consumer: k.name, Agent: agent, Purpose: purpose, Filters: slices.Clone(k.filters),
			Held: len(k.open), Listens: k.asking > 0, Last: k.last,
		}
		for seq := k.next; seq <= k.stream.last(); seq++ {
			m := k.stream.at(seq)
			if !slices.ContainsFunc(k.filters, func(f string) bool { return collide(f, m.subject) }) {
				continue
			}
			if b.Waiting++; b.Waiting == 1 {
				b.Oldest = m.time
			}
		}
		all = append(all, b)
	}
	events.SortBacklogs(all)
	return all, nil
}
