package broker

import (
	"context"
	"math/rand/v2"
	"time"
)

// A backoff is the pause before the next try: longer each time, and never the
// same for two who try together. Its zero value begins at some milliseconds.
type backoff struct{ last time.Duration }

const (
	leastPause = 4 * time.Millisecond
	mostPause  = time.Second
)

// wait pauses, and returns the error of a context that is done.
func (b *backoff) wait(ctx context.Context) error {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, leastPause), mostPause)
	return b.last/2 + rand.N(b.last/2)
}
