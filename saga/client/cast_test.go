package client_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// A cast is the two agents of a trip, seat and card, on a log in memory and in
// virtual time.
type cast struct {
	*eventtest.Log
	ctx        context.Context
	declines   atomic.Bool // the card
	holds      atomic.Bool // the seat can't be given back
	slow       atomic.Bool // the card takes a minute
	givenBack  atomic.Int32
	logger     *slog.Logger
	undoPolicy config.RetryPolicy
}

// play runs a test in a bubble, with both agents.
func play(t *testing.T, test func(t *testing.T, c *cast)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &cast{
			Log: eventtest.NewLog(), ctx: ctx, logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
			undoPolicy: config.RetryPolicy{MaxRetries: 1, BaseDelay: time.Second, MaxDelay: time.Second, Multiplier: 1}.Exactly(),
		}
		if err := c.Ensure(ctx, "trip"); err != nil {
			t.Fatal(err)
		}
		seat, card := c.run(t, c.seat()), c.run(t, c.card())
		synctest.Wait()
		test(t, c)
		cancel()
		<-seat
		<-card
		c.Close()
	})
}

type role struct {
	config.Config
	agent.Handler
}

func (c *cast) run(t *testing.T, r role) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := (agent.Options{Logger: c.logger, Grace: time.Millisecond}).Run(c.ctx, c.Log, r.Config, r.Handler); err != nil {
			t.Error(err)
		}
	}()
	return done
}

func (c *cast) seat() role {
	cfg := config.Config{Agent: "seat", Saga: "trip", CompensationHandler: "give-back", CompensationRetryPolicy: c.undoPolicy}
	perform := func(context.Context, agent.Task) (agent.Result, error) {
		return agent.Result{Data: "12A"}, nil
	}
	giveBack := func(context.Context, agent.Undo) error {
		if c.holds.Load() {
			return errors.New("the airline does not answer")
		}
		c.givenBack.Add(1)
		return nil
	}
	return role{cfg, agent.Handler{Perform: perform, Compensations: agent.Compensations{"give-back": giveBack}}}
}

func (c *cast) card() role {
	cfg := config.Config{Agent: "card", Saga: "trip", After: []string{"seat"}, Final: true, CompensationHandler: config.NoCompensation, Timeout: time.Hour}
	perform := func(ctx context.Context, _ agent.Task) (agent.Result, error) {
		if c.slow.Load() {
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
				return agent.Result{}, ctx.Err()
			}
		}
		if c.declines.Load() {
			return agent.Result{}, agent.Refuse("declined", "the card is declined")
		}
		return agent.Result{Data: "paid"}, nil
	}
	return role{cfg, agent.Handler{Perform: perform}}
}

// kinds lists what a saga's history consists of.
func (c *cast) kinds(t *testing.T, id string) (kinds []string) {
	t.Helper()
	history, err := c.History(c.ctx, "trip", id, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range history {
		kinds = append(kinds, e.Subject.Event())
	}
	return kinds
}

// find returns the first event of a kind in a saga's history.
func (c *cast) find(t *testing.T, id string, k events.Kind) events.Event {
	t.Helper()
	history, err := c.History(c.ctx, "trip", id, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range history {
		if e.Subject.Kind == k {
			return e
		}
	}
	t.Fatalf("saga %s has no event %s", id, k)
	return events.Event{}
}
