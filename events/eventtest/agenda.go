package eventtest

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// An agenda holds the timers that were set and have not fired, the next one
// first; of those due at one instant, the one that was set first. It has one
// clock for all: several timers of one instant would fire in any order.
type agenda struct {
	entries []appointment
	clock   *time.Timer
}

type appointment struct {
	due     time.Time
	subject string
	header  events.Header
	body    []byte
}

// SetTimer implements [events.Timekeeper].
func (l *Log) SetTimer(ctx context.Context, t events.Timer) error {
	if _, err := events.ParseTimer(t.Fired()); err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.usable(ctx)
	if err == nil {
		_, err = l.saga(t.Type)
	}
	if err != nil {
		return fmt.Errorf("set timer %s: %w", t.Set(), err)
	}
	l.agenda.set(appointment{due: t.Due, subject: t.Fired(), header: t.Header(), body: t.Body()})
	l.fire()
	return nil
}

// fire puts what is due into the stream, and sets the clock for the next.
func (l *Log) fire() {
	for _, a := range l.agenda.due(time.Now()) {
		l.timers.put(a.subject, a.header, a.body)
	}
	l.agenda.wind(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.closed {
			l.fire()
		}
	})
}

// set replaces the appointment of the same subject.
func (g *agenda) set(a appointment) {
	g.entries = slices.DeleteFunc(g.entries, func(b appointment) bool { return b.subject == a.subject })
	after := sort.Search(len(g.entries), func(i int) bool { return g.entries[i].due.After(a.due) })
	g.entries = slices.Insert(g.entries, after, a)
}

// due takes out what is due.
func (g *agenda) due(now time.Time) []appointment {
	n := sort.Search(len(g.entries), func(i int) bool { return g.entries[i].due.After(now) })
	due := slices.Clone(g.entries[:n])
	g.entries = slices.Delete(g.entries, 0, n)
	return due
}

// wind sets the clock to the next appointment.
func (g *agenda) wind(ring func()) {
	g.stop()
	if len(g.entries) > 0 {
		g.clock = time.AfterFunc(time.Until(g.entries[0].due), ring)
	}
}

func (g *agenda) stop() {
	if g.clock != nil {
		g.clock.Stop()
	}
}
