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
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
)

// A tour is a saga with a person last in a chain: seat, plan (or the desk, which
// asks a person), pay, which is the pivot, and mail.
type tour struct {
	*cast
	plans    atomic.Bool // plan can do it
	mails    atomic.Bool // so can mail
	deskUndo atomic.Int32
}

func playTour(t *testing.T, test func(t *testing.T, c *tour)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &tour{cast: &cast{Log: eventtest.NewLog(), ctx: ctx, logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
			undoPolicy: config.RetryPolicy{BaseDelay: time.Second, MaxDelay: time.Second, Multiplier: 1}.Exactly()}}
		if err := c.Ensure(ctx, "trip"); err != nil {
			t.Fatal(err)
		}
		var running []<-chan struct{}
		for _, r := range []role{c.seat(), c.plan(), c.desk(), c.pay(), c.mail()} {
			running = append(running, c.run(t, r))
		}
		synctest.Wait()
		test(t, c)
		cancel()
		for _, done := range running {
			<-done
		}
		c.Close()
	})
}

func (c *tour) plan() role {
	cfg := config.Config{Agent: "plan", Saga: "trip", After: []string{"seat"}, FallbackAgents: []string{"desk"}, CompensationHandler: config.NoCompensation}
	return role{cfg, agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) {
		if !c.plans.Load() {
			return agent.Result{}, agent.Unavailable("quota", errors.New("the quota is used up"))
		}
		return agent.Result{Data: "by train"}, nil
	}}}
}

func (c *tour) desk() role {
	cfg := config.Config{Agent: "desk", Saga: "trip", Step: "plan", StandIn: true, CompensationHandler: "forget"}
	return role{cfg, agent.Handler{
		Perform: func(context.Context, agent.Task) (agent.Result, error) {
			return agent.Result{Pending: &agent.Pending{For: "a route", Person: true, Question: "Which way?", Within: 4 * time.Hour}}, nil
		},
		Compensations: agent.Compensations{"forget": func(context.Context, agent.Undo) error { c.deskUndo.Add(1); return nil }},
	}}
}

func (c *tour) pay() role {
	cfg := config.Config{Agent: "pay", Saga: "trip", After: []string{"plan"}, Pivot: true, CompensationHandler: config.NoCompensation}
	return role{cfg, agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) {
		if c.declines.Load() {
			return agent.Result{}, agent.Refuse("declined", "the card is declined")
		}
		return agent.Result{Data: "paid"}, nil
	}}}
}

func (c *tour) mail() role {
	cfg := config.Config{Agent: "mail", Saga: "trip", After: []string{"pay"}, Final: true, NeverRefuses: true, CompensationHandler: config.NoCompensation}
	return role{cfg, agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) {
		if !c.mails.Load() {
			return agent.Result{}, agent.Unavailable("bounced", errors.New("no such mailbox"))
		}
		return agent.Result{Data: "sent"}, nil
	}}}
}

// asks submits a saga that comes to the question.
func (c *tour) asks(t *testing.T, id string) *saga.State {
	t.Helper()
	submit(t, c.cast, id)
	s := wait(t, c.cast, id)
	if s.Status() != saga.Waiting {
		t.Fatalf("saga %s is %s, want it to wait for a person", id, s.Status())
	}
	return s
}

func (c *tour) answer(id, step string, a events.Answer) error {
	return client.Answer(c.ctx, c, "trip", id, step, a)
}

func (c *tour) inbox(t *testing.T, types ...string) []client.Item {
	t.Helper()
	items, err := client.Inbox(c.ctx, c, types...)
	if err != nil {
		t.Fatal(err)
	}
	return items
}
