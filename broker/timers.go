package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// unheard is how long a timer that came due waits for somebody to answer it.
// Those that are answered leave at once.
const unheard = 30 * 24 * time.Hour

// SetTimer implements [events.Timekeeper]. A timer that is set again is moved,
// one that is past due comes at once. The broker fires up to a quarter of a
// second late, never early.
func (l *Log) SetTimer(ctx context.Context, t events.Timer) error {
	if _, err := events.ParseTimer(t.Fired()); err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	m := timerMessage(t)
	var pause backoff
	trouble := l.trouble()
	for {
		_, err := l.publish(ctx, m, timersStream)
		switch {
		case err == nil:
			return nil
		case hopeless(err):
			return fmt.Errorf("set timer %s: %w", t.Set(), err)
		case errors.Is(err, nats.ErrNoResponders) && l.missing(ctx, timersStream):
			return fmt.Errorf("set timer %s: %w: there is no stream %s", t.Set(), events.ErrNoType, timersStream)
		}
		trouble.tell("the broker does not take a timer, trying on", "subject", m.Subject, "error", err)
		if done := pause.wait(ctx); done != nil {
			return fmt.Errorf("set timer %s: nobody knows whether it is set: %w (%v)", t.Set(), done, err)
		}
	}
}

func timerMessage(t events.Timer) *nats.Msg {
	due := t.Due
	if epoch := time.Unix(1, 0); due.Before(epoch) {
		due = epoch // the broker takes the zero time for no schedule at all
	}
	h := nats.Header(t.Header()) // what is not about the schedule comes with the timer when it fires
	h["Nats-Schedule"] = []string{"@at " + due.UTC().Format(time.RFC3339Nano)}
	h["Nats-Schedule-Target"] = []string{t.Fired()}
	h["Nats-Schedule-TTL"] = []string{unheard.String()}
	return &nats.Msg{Subject: t.Set(), Data: t.Body(), Header: h}
}
