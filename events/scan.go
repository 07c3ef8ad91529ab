package events

import (
	"context"
	"errors"
	"time"
)

// A Scanner reads a type from where somebody stopped: it is for who keeps
// something beside a log that is made from all its events.
type Scanner interface {
	// Extent says which stream keeps a type, and how far it reaches. A type that
	// has none is [ErrNoType].
	Extent(ctx context.Context, typ string) (Extent, error)
	// ScanFrom is Scan from a sequence on. It returns the sequence to go on from
	// the next time, also when see returns an error: then that of its event.
	ScanFrom(ctx context.Context, typ string, from uint64, see func(Event) error) (next uint64, err error)
}

// An Extent is which stream keeps a type, and how far it reaches. A stream that was
// removed and made anew was born at another moment, and numbers its events from
// one again.
type Extent struct {
	Born time.Time
	Last uint64 // the sequence of what was written last; 0: nothing was
}

// ErrTooLong says that a saga has more events than a log gives in one answer.
var ErrTooLong = errors.New("its history is too long to be read")
