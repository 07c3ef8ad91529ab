package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

// Load reads a saga as a dead letter. One that is none is [ErrNone].
func Load(ctx context.Context, log events.Log, typ, id string) (Letter, error) {
	s, history, err := client.Load(ctx, log, typ, id, 0)
	if len(history) == 0 {
		return Letter{}, err
	}
	if l, ok := Of(s, history, err); ok {
		return l, nil
	}
	why := "its history makes no sense, and somebody saw to it"
	if s != nil && s.Dismissed != nil {
		why = fmt.Sprintf("%s by %s at %s", s.Dismissed.As, s.Dismissed.By, s.Dismissed.Time.Format("2006-01-02 15:04:05 MST"))
		if s.Dismissed.To != "" {
			why += ", as " + s.Dismissed.To
		}
	} else if s != nil {
		why = "it is " + string(s.Status())
		if s.Turn != nil {
			why += ", after it was " + string(s.Turn.Reason)
		}
	}
	return Letter{}, fmt.Errorf("saga %s/%s %w: %s", typ, id, ErrNone, why)
}

// ErrNone says that a saga is no dead letter.
var ErrNone = errors.New("is no dead letter")

// atOnce is how many histories are read at a time.
const atOnce = 16

// Find reads those of some sagas of a type that are dead letters, the last first.
func Find(ctx context.Context, log events.Log, typ string, ids []string, f Filter) ([]Letter, error) {
	letters := []Letter{}
	var mu sync.Mutex
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(atOnce)
	for _, id := range ids {
		reading.Go(func() error {
			l, err := Load(ctx, log, typ, id)
			switch {
			case errors.Is(err, ErrNone), errors.Is(err, client.ErrNoSaga): // seen to, or archived, since
				return nil
			case err != nil:
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if f.Matches(l) {
				letters = append(letters, l)
			}
			return nil
		})
	}
	if err := reading.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(letters, func(a, b Letter) int { return cmp.Or(b.Ended.Compare(a.Ended), cmp.Compare(a.ID, b.ID)) })
	return letters, nil
}

// Scan lists the sagas of a type that may be dead letters, by reading all its events:
// those that turned, and those of which something makes no sense.
func Scan(ctx context.Context, log events.Log, typ string) ([]string, error) {
	turned := map[string]bool{}
	var order []string
	err := log.Scan(ctx, typ, func(e events.Event) error {
		id := e.Subject.ID
		switch e.Subject.Kind {
		case events.Unwinding, events.Rejected:
			if !turned[id] {
				turned[id], order = true, append(order, id)
			}
		case events.Dismissed: // a completion says nothing: behind the latch it is void
			delete(turned, id)
		}
		return nil
	})
	return slices.DeleteFunc(order, func(id string) bool { return !turned[id] }), err
}
