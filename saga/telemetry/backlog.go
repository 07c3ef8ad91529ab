package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/unwind-saga/unwind/events"
)

const (
	// stale is how old an answer of the broker may be: several readers ask one
	// process, and many processes one broker.
	stale = 10 * time.Second
	// answerWithin is how long it is waited for. A reader waits as long.
	answerWithin = 2 * time.Second
)

// A queue is what waits at the broker for the agents of a type.
type queue struct {
	broker   Broker
	meters   *instruments
	complain func(error)

	mu    sync.Mutex
	list  []events.Backlog
	asked time.Time
}

func (q *queue) observe(ctx context.Context, o metric.Observer) error {
	for _, b := range q.ask(ctx) {
		at := metric.WithAttributes(SagaType.String(q.broker.Type), Agent.String(b.Agent), Purpose.String(string(b.Purpose)))
		o.ObserveInt64(q.meters.gauges[backlog.Name], int64(b.Waiting), at) //nolint:gosec // a stream has no so many messages
		o.ObserveInt64(q.meters.gauges[held.Name], int64(b.Held), at)
		o.ObserveInt64(q.meters.gauges[listens.Name], one(b.Listens), at)
	}
	return nil
}

// ask is what the broker says, or has said a moment ago. While it says nothing,
// nothing is told: a gauge that stands still would be believed.
func (q *queue) ask(ctx context.Context) []events.Backlog {
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Since(q.asked) < stale {
		return q.list
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	list, err := q.broker.Backlogs(ctx, q.broker.Type)
	if err != nil {
		q.complain(err)
	}
	q.list, q.asked = list, time.Now()
	return q.list
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
