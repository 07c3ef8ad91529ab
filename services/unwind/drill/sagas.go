package drill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

// errSilent: nothing happens any more, though not all sagas have ended.
var errSilent = errors.New("nothing happens any more")

// sagas submits the tasks, so many at a time, and watches them to their ends.
func (d *drill) sagas(ctx context.Context, crew *dev.Crew, layers agent.Layers) (ids []string, fates map[string]Fate, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := d.config
	for i := range c.Runs {
		ids = append(ids, fmt.Sprintf("drill-%d", i))
	}
	silence := time.AfterFunc(c.Patience, func() { cancel(errSilent) })
	defer silence.Stop()
	free := make(chan struct{}, c.AtOnce)
	mends := make(chan mend, c.Runs)
	watch, ended := newWatch(c.Over), 0
	var all sync.WaitGroup
	all.Go(func() {
		err := crew.Log().Follow(ctx, d.Saga, "", 1, func(e events.Event) error {
			silence.Reset(c.Patience)
			over, owed, err := watch.see(e)
			if err != nil {
				return err
			}
			for _, m := range owed {
				mends <- m
			}
			if over {
				<-free
				ended++
				c.Tell(Progress{layers, ended, c.Runs})
				if ended == c.Runs {
					cancel(nil)
				}
			}
			return nil
		})
		if err != nil {
			cancel(err)
		}
	})
	all.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-mends:
				if err := d.mend(ctx, crew.Log(), m); err != nil {
					cancel(err)
				}
			}
		}
	})
	err = d.program.Tasks(ctx, c.Runs, func(i int, task []byte) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case free <- struct{}{}:
		}
		_, err := client.Submit(ctx, crew.Log(), d.Saga, ids[i], task, "drill")
		return err
	})
	if err != nil && !errors.Is(err, errSilent) {
		cancel(err)
	}
	all.Wait()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) && ended == c.Runs || errors.Is(cause, errSilent) {
		return ids, watch.fates, nil
	}
	return ids, watch.fates, cause
}

// mend does what a person would: what was wrong is put right, and the agent asked
// again.
func (d *drill) mend(ctx context.Context, log events.Log, m mend) error {
	const by, reason = "drill", "a person looked into it"
	if m.k <= 0 {
		return client.Redo(ctx, log, d.Saga, m.id, m.step, m.agent, by, reason)
	}
	at := events.Subject{Type: d.Saga, Step: m.step, Kind: events.Answered, N: m.k, ID: m.id}
	e, err := events.New(at, by, events.Event{}, events.Answer{Outcome: events.OutcomeRetry, By: by, Reason: reason, Next: m.agent})
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, e)
	if _, refused := errors.AsType[*events.Refusal](err); refused {
		return nil // it turned, or somebody answered
	}
	return err
}
