package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// Dismiss writes that a person saw to a saga whose work was not done: it ended in any
// other way than completed, or its history makes no sense. It can be said once; whoever
// comes second is told [ErrDismissed]. A saga that goes on is [ErrRuns], one that
// completed [ErrEnded].
func Dismiss(ctx context.Context, log events.Log, typ, id string, d events.Dismissal) error {
	attempt := fmt.Sprintf("dismiss saga %s/%s", typ, id)
	s, history, err := Load(ctx, log, typ, id, 0)
	switch {
	case len(history) == 0:
		return fmt.Errorf("%s: %w", attempt, err)
	case err != nil: // it makes no sense
	case !s.Ended():
		return refuse(attempt, ErrRuns, fmt.Sprintf("it is %s, `unwind saga show %s %s` tells what it waits for", s.Status(), typ, id))
	case s.End.Forward:
		return refuse(attempt, ErrEnded, "it is completed: there is nothing left to see to")
	}
	at := events.Subject{Type: typ, Kind: events.Dismissed, ID: id}
	if _, err = say(ctx, log, at, d.By, history[len(history)-1], d); errors.Is(err, events.ErrTaken) {
		return refuse(attempt, ErrDismissed, fmt.Sprintf("`unwind saga show %s %s --events` tells by whom", typ, id))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	return nil
}
