package live

import (
	"context"

	"github.com/unwind-saga/unwind/events"
)

// Prepare reads what came before an event whose saga was not heard of yet, so that
// its line knows of it.
func (l *Lines) Prepare(ctx context.Context, log events.Reader, e events.Event) error {
	if l.Knows(e) || e.Subject.Kind == events.Submitted {
		return nil
	}
	history, err := log.History(ctx, e.Subject.Type, e.Subject.ID, e.Seq)
	if err != nil {
		return err
	}
	for _, before := range history {
		if before.Seq < e.Seq {
			l.Hear(before)
		}
	}
	return nil
}

// Knows reports whether the event's saga was heard of before.
func (l *Lines) Knows(e events.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tales[e.Subject.Type+"/"+e.Subject.ID] != nil
}
