package eventtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
)

var errClosed = errors.New("the log is closed")

// A Log is an [events.Log] in memory.
type Log struct {
	mu        sync.Mutex // over everything below, and all that hangs on it
	sagas     map[string]*stream
	timers    *stream // nil until a type was ensured
	agenda    agenda
	consumers map[string]*consumer
	present   map[*presence]struct{}
	closed    bool
}

var (
	_ events.Log   = (*Log)(nil)
	_ RawPublisher = (*Log)(nil)
)

// NewLog makes an empty log.
func NewLog() *Log {
	return &Log{sagas: map[string]*stream{}, consumers: map[string]*consumer{}, present: map[*presence]struct{}{}}
}

// Close ends everything that waits and every timer that was set. All later
// calls fail.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.agenda.stop()
	for _, s := range l.sagas {
		s.bell.ring()
	}
	if l.timers != nil {
		l.timers.bell.ring()
	}
}

// Ensure implements [events.Log].
func (l *Log) Ensure(ctx context.Context, typ string) error {
	if err := events.ValidName("saga type", typ); err != nil {
		return fmt.Errorf("ensure saga type: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return fmt.Errorf("ensure saga type %q: %w", typ, err)
	}
	if l.sagas[typ] == nil {
		l.sagas[typ] = newStream("SAGA_"+typ, "saga."+typ+".>", true)
	}
	if l.timers == nil {
		l.timers = newStream("TIMERS", "timer.due.>", false)
	}
	return nil
}

// Types implements [events.Log]. The types are sorted.
func (l *Log) Types(ctx context.Context) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, fmt.Errorf("list saga types: %w", err)
	}
	return slices.Sorted(maps.Keys(l.sagas)), nil
}

// Append implements [events.Appender]. Its order is the broker's: the guard
// speaks before the once-only rule, and whoever is refused by either looks
// first whether the slot holds this very event.
func (l *Log) Append(ctx context.Context, e events.Event) (uint64, error) {
	if err := e.Subject.Validate(); err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return 0, fmt.Errorf("append %s: %w", e.Subject, err)
	}
	s, err := l.saga(e.Subject.Type)
	if err != nil {
		return 0, fmt.Errorf("append %s: %w", e.Subject, err)
	}
	subject := e.Subject.String()
	taken := s.slots[subject]
	if taken > 0 && s.at(taken).event.ID == e.ID {
		return taken, nil
	}
	if guard, ok := e.Subject.Guard(); ok {
		if seq := s.slots[guard.String()]; seq > 0 {
			return 0, &events.Refusal{Subject: e.Subject, Reason: events.ErrGuarded, Seq: seq}
		}
	}
	if taken > 0 {
		return 0, &events.Refusal{Subject: e.Subject, Reason: events.ErrTaken, Seq: taken}
	}
	header, body := events.Encode(e)
	return s.put(subject, header, body), nil
}

// PublishRaw implements [RawPublisher]. It knows no guards, but a saga's
// subject is written once even so.
func (l *Log) PublishRaw(ctx context.Context, subject string, h events.Header, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return fmt.Errorf("publish %q: %w", subject, err)
	}
	s := l.streamOf(subject)
	if s == nil {
		return fmt.Errorf("publish %q: no stream takes it", subject)
	}
	if s.once && s.slots[subject] > 0 {
		return fmt.Errorf("publish %q: %w", subject, events.ErrTaken)
	}
	s.put(subject, h, body)
	return nil
}

// History implements [events.Reader]. What is no event is left out.
func (l *Log) History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.saga(typ)
	if err == nil {
		err = l.await(ctx, s, func() (bool, time.Time) { return s.last() >= atLeast, never })
	}
	if err != nil {
		return nil, fmt.Errorf("read history of saga %s/%s: %w", typ, id, err)
	}
	history := make([]events.Event, 0, len(s.ids[id]))
	for _, seq := range s.ids[id] {
		history = append(history, s.at(seq).copyEvent())
	}
	return history, nil
}

// Follow implements [events.Reader]. What is no event is left out.
func (l *Log) Follow(ctx context.Context, typ, id string, from uint64, see func(events.Event) error) error {
	fail := func(err error) error {
		return unlessDone(ctx, fmt.Errorf("follow sagas of type %q: %w", typ, err))
	}
	l.mu.Lock()
	s, err := l.saga(typ)
	l.mu.Unlock()
	if err != nil {
		return fail(err)
	}
	for seq := max(from, 1); ; seq++ {
		l.mu.Lock()
		err := l.await(ctx, s, func() (bool, time.Time) { return s.last() >= seq, never })
		var m message
		if err == nil {
			m = s.at(seq)
		}
		l.mu.Unlock()
		if err != nil {
			return fail(err)
		}
		if m.err != nil || id != "" && m.event.Subject.ID != id {
			continue
		}
		if err := see(m.copyEvent()); err != nil {
			return err
		}
	}
}

// Scan implements [events.Reader].
func (l *Log) Scan(ctx context.Context, typ string, see func(events.Event) error) error {
	_, err := l.ScanFrom(ctx, typ, 1, see)
	return err
}

// Extent implements [events.Scanner].
func (l *Log) Extent(ctx context.Context, typ string) (events.Extent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.usable(ctx)
	if err == nil {
		var s *stream
		if s, err = l.saga(typ); err == nil {
			return events.Extent{Born: s.born, Last: s.last()}, nil
		}
	}
	return events.Extent{}, fmt.Errorf("find out how far saga type %q reaches: %w", typ, err)
}

// ScanFrom implements [events.Scanner].
func (l *Log) ScanFrom(ctx context.Context, typ string, from uint64, see func(events.Event) error) (uint64, error) {
	from = max(from, 1)
	l.mu.Lock()
	err := l.usable(ctx)
	var there []message
	if err == nil {
		var s *stream
		if s, err = l.saga(typ); err == nil && from <= s.last() {
			there = slices.Clone(s.messages[from-1:])
		}
	}
	l.mu.Unlock()
	if err != nil {
		return from, fmt.Errorf("scan sagas of type %q: %w", typ, err)
	}
	for _, m := range there {
		if m.err != nil {
			continue
		}
		if err := see(m.copyEvent()); err != nil {
			return m.seq, err
		}
	}
	return from + uint64(len(there)), nil
}

// saga finds the stream of a saga type.
func (l *Log) saga(typ string) (*stream, error) {
	if s := l.sagas[typ]; s != nil {
		return s, nil
	}
	return nil, events.ErrNoType
}

// streamOf finds the stream that takes a subject.
func (l *Log) streamOf(subject string) *stream {
	for _, s := range l.sagas {
		if collide(s.subjects, subject) {
			return s
		}
	}
	if l.timers != nil && collide(l.timers.subjects, subject) {
		return l.timers
	}
	return nil
}

func (l *Log) usable(ctx context.Context) error {
	if l.closed {
		return errClosed
	}
	return ctx.Err()
}

// unlessDone is for those whose ordinary end is that of their context.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// never is a time that need not be waited for.
var never time.Time

// await waits until ready says so. It is called with the lock held, and
// returns with the lock held. Ready is asked again whenever the stream's bell
// rings, and at the time that it names.
func (l *Log) await(ctx context.Context, s *stream, ready func() (ok bool, again time.Time)) error {
	for {
		if err := l.usable(ctx); err != nil {
			return err
		}
		ok, again := ready()
		if ok {
			return nil
		}
		var alarm <-chan time.Time
		if !again.IsZero() {
			alarm = time.After(time.Until(again))
		}
		rung := s.bell.wait()
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-rung:
		case <-alarm:
		}
		l.mu.Lock()
	}
}
