package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/world"
)

// A scene is one order, what goes wrong with it, and what is to come of it.
type scene struct {
	id, title string
	order     purchase.Purchase
	before    func(context.Context, *stage) error
	during    func(context.Context, *stage, events.Event)
	status    saga.Status
	by        string // an agent that must have done its step
	there     string // what must be there in the end, as [world.Page] says it
}

var (
	tea     = purchase.Line{SKU: "tea", Quantity: 2}
	kettle  = purchase.Line{SKU: "kettle", Quantity: 1}
	samovar = purchase.Line{SKU: "samovar", Quantity: 1}
)

const (
	teaHere    = "Berlin: 2 × tea reserved"
	teaPaid    = "bank: 19.00 EUR charged"
	sent       = "mail: confirmation"
	everything = teaHere + "\n" + teaPaid + "\n" + sent
)

var scenes = []scene{
	{
		id: "ada", title: "Ada orders tea",
		order:  world.Want("Ada", tea),
		status: saga.Completed, by: "stock", there: everything,
	},
	{
		id: "ben", title: "Ben orders a kettle, which is sold out in Berlin: the second warehouse has it",
		order:  world.Want("Ben", kettle),
		status: saga.Completed, by: "stock-second",
		there: "Leipzig: 1 × kettle reserved\nbank: 89.00 EUR charged\n" + sent,
	},
	{
		id: "bea", title: "Bea's tea is in Berlin, but Berlin's database is not to be reached: Leipzig sends it",
		order:  world.Want("Bea", tea),
		before: func(ctx context.Context, s *stage) error { s.unlock = s.world.Lock(ctx, 0); return nil },
		status: saga.Completed, by: "stock-second", there: strings.Replace(everything, "Berlin", "Leipzig", 1),
	},
	{
		id: "cleo", title: "Cleo wants a samovar with her tea, sold out everywhere: nothing is reserved or charged",
		order:  world.Want("Cleo", tea, samovar),
		status: saga.Compensated,
	},
	{
		id: "dora", title: "Dora's card is declined: Berlin releases the tea",
		order:  world.Declined(world.Want("Dora", tea)),
		status: saga.Compensated,
	},
	{
		id: "emil", title: "Emil's kettle is reserved, but our key at Stripe has expired: Leipzig releases it",
		order:  world.Want("Emil", kettle),
		before: fail(bank.Fault{Mode: bank.Expired}),
		status: saga.Compensated,
	},
	{
		id: "finn", title: "Finn's charge meets a busy Stripe (429, Retry-After), which is waited for",
		order:  world.Want("Finn", tea),
		before: fail(bank.Fault{Mode: bank.Limit, On: bank.Confirm, Count: 1}),
		status: saga.Completed, by: "payment", there: everything,
	},
	{
		id: "gus", title: "Gus is charged, but Stripe's answer is lost: the next try sees it, and he pays once",
		order:  world.Want("Gus", tea),
		before: fail(bank.Fault{Mode: bank.Lose, On: bank.Confirm, Count: 1}),
		status: saga.Completed, by: "payment", there: everything,
	},
	{
		id: "hana", title: "Hana is charged, and the payment process is killed before it hears of it",
		order:  world.Want("Hana", tea),
		before: fail(bank.Fault{Mode: bank.Hang, On: bank.Confirm, Count: 1}),
		during: when("payment", "", events.Started, func(_ context.Context, s *stage) error { return s.crew.Kill("payment") }),
		status: saga.Completed, by: "payment", there: everything,
	},
	{
		id: "ines", title: "Ines cancels while she is being charged: the money goes back, and the tea",
		order:  world.Want("Ines", tea),
		before: fail(bank.Fault{Mode: bank.Hang, On: bank.Confirm, Count: 1}),
		during: when("payment", "", events.Started, func(ctx context.Context, s *stage) error {
			return client.Cancel(ctx, s.crew.Log(), sagaType, "ines", "Ines", "she has changed her mind")
		}),
		status: saga.Compensated, there: teaPaid + "\nbank: 19.00 EUR refunded",
	},
	{
		id: "jan", title: "Jan has paid when the mail server is down: the second one tells him",
		order:  world.Want("Jan", tea),
		before: func(_ context.Context, s *stage) error { s.world.First.Stop(); return nil },
		status: saga.Completed, by: "confirmation-relay", there: everything,
	},
	{
		id: "kim", title: "Kim has paid when both are down: no way back, the mail goes when it can",
		order: world.Want("Kim", tea),
		before: func(_ context.Context, s *stage) error {
			s.world.First.Stop()
			s.world.Second.Stop()
			return nil
		},
		during: when("confirmation", "confirmation-relay", events.Failed, func(ctx context.Context, s *stage) error { return s.world.Second.Start(ctx) }),
		status: saga.Completed, by: "confirmation-relay", there: everything,
	},
}

// fail tells the bank how to fail.
func fail(f bank.Fault) func(context.Context, *stage) error {
	return func(_ context.Context, s *stage) error { return s.world.Bank.Fail(f) }
}

// when does something a moment after the first such event of a step; of an agent,
// if it is named.
func when(step, agent string, kind events.Kind, do func(context.Context, *stage) error) func(context.Context, *stage, events.Event) {
	var done bool
	return func(ctx context.Context, s *stage, e events.Event) {
		if done || e.Subject.Kind != kind || e.Subject.Step != step || agent != "" && !strings.HasPrefix(e.Source, agent) {
			return
		}
		done = true
		s.aside.Go(func() error {
			select {
			case <-time.After(700 * time.Millisecond):
				return do(ctx, s)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
}

// judge demands that the saga ended as it should, and that what is there is what
// should be there, each once.
func (sc scene) judge(s *saga.State, page world.Page) error {
	there := page.String()
	if there == "" {
		fmt.Println("\nLooked into both warehouses, the bank's books and both mailboxes: nothing is there.")
	} else {
		fmt.Println("\nLooked into both warehouses, the bank's books and both mailboxes:\n  " + strings.ReplaceAll(there, "\n", "\n  "))
	}
	if s.Status() != sc.status {
		return fmt.Errorf("it is %s, and should be %s", s.Status(), sc.status)
	}
	if there != sc.there {
		return fmt.Errorf("there should be %q, and is %q", sc.there, there)
	}
	if sc.by == "" {
		return nil
	}
	for _, st := range s.Steps {
		if st.Done != nil && st.Done.Agent == sc.by {
			return nil
		}
	}
	return fmt.Errorf("%s should have done its step, and has not", sc.by)
}
