package live

import (
	"context"

	"github.com/unwind-saga/unwind/events"
)

// Follow shows the events of all sagas of a type from a sequence on, until ctx
// is done, which is no error. A saga that began before is read first, so that
// lines know what came before the first event that is shown; see is often
// [Lines.Event].
func Follow(ctx context.Context, log events.Reader, typ string, from uint64, lines *Lines, see func(events.Event) error) error {
	return log.Follow(ctx, typ, "", from, func(e events.Event) error {
		if lines.knows(e) || e.Subject.Kind == events.Submitted {
			return see(e)
		}
		history, err := log.History(ctx, typ, e.Subject.ID, e.Seq)
		if err != nil {
			return err
		}
		for _, before := range history {
			if before.Seq < e.Seq {
				lines.Hear(before)
			}
		}
		return see(e)
	})
}

// knows reports whether the event's saga was heard of before.
func (l *Lines) knows(e events.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tales[e.Subject.Type+"/"+e.Subject.ID] != nil
}
