package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/stripe/stripe-go/v85"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/order"
	"github.com/unwind-saga/unwind/services/order/purchase"
)

type settings struct {
	Database string `yaml:"database"`
	URL      string `yaml:"url"`
	Key      string `yaml:"key"`
}

type payment struct {
	*order.Database
	till till
}

func open(ctx context.Context, cfg config.Config) (agent.Handler, func(), error) {
	var s settings
	if err := cfg.Settings(&s); err != nil {
		return agent.Handler{}, nil, err
	}
	if s.Key == "" {
		return agent.Handler{}, nil, errors.New("settings.key is empty\nhint: set STRIPE_KEY to a secret key of Stripe's; sk_test_... moves no money")
	}
	db, err := order.OpenDatabase(ctx, s.Database, schema)
	if err != nil {
		return agent.Handler{}, nil, err
	}
	p := payment{db, newTill(s.URL, s.Key)}
	return agent.Handler{Perform: p.charge, Compensations: agent.Compensations{"refund": p.refund}}, db.Close, nil
}

func (p payment) charge(ctx context.Context, t agent.Task) (agent.Result, error) {
	buy, err := purchase.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_purchase", "%w", err)
	}
	var quote purchase.Quote
	if err := t.Result("quote", &quote); err != nil {
		return agent.Result{}, err
	}
	if err := p.note(ctx, t.Key, t.ID, quote); err != nil {
		return agent.Result{}, order.Unreached(err)
	}
	intent, err := p.intent(ctx, t, quote)
	if err != nil {
		return agent.Result{}, err
	}
	if intent, err = p.confirm(ctx, intent, buy.Method); err != nil {
		return agent.Result{}, err
	}
	return agent.Result{Data: purchase.Payment{Intent: intent.ID, Amount: intent.Amount}, Undo: intent.ID}, nil
}

// intent is the one intent of this payment: the noted one as Stripe has it now, or
// else a new one, which is noted.
func (p payment) intent(ctx context.Context, t agent.Task, quote purchase.Quote) (*stripe.PaymentIntent, error) {
	id, err := p.noted(ctx, t.Key)
	if err != nil {
		return nil, order.Unreached(err)
	}
	if id != "" {
		intent, err := p.till.look(ctx, id)
		return intent, failure(err)
	}
	intent, err := p.till.create(ctx, t, quote)
	if err != nil {
		return nil, failure(err)
	}
	return intent, p.noteIntent(ctx, t.Key, intent.ID)
}

// confirm charges an intent that is not charged yet. It has no idempotency key,
// and needs none: an intent succeeds once. An attempt whose answer was lost is
// seen in the intent by the next one.
func (p payment) confirm(ctx context.Context, intent *stripe.PaymentIntent, method string) (*stripe.PaymentIntent, error) {
	id, status := intent.ID, intent.Status
	if status == stripe.PaymentIntentStatusRequiresConfirmation || status == stripe.PaymentIntentStatusRequiresPaymentMethod {
		var err error
		if intent, err = p.till.confirm(ctx, id, method); err != nil {
			return nil, p.declined(ctx, id, failure(err))
		}
		status = intent.Status
	}
	switch status {
	case stripe.PaymentIntentStatusSucceeded:
		return intent, nil
	case stripe.PaymentIntentStatusRequiresAction:
		return nil, p.declined(ctx, id, agent.Refuse("authentication_required", "the card wants its owner to be there"))
	case stripe.PaymentIntentStatusCanceled:
		return nil, agent.Refuse("canceled", "payment intent %s was cancelled", id)
	default:
		return nil, agent.Unknown(fmt.Errorf("payment intent %s is %s", id, status))
	}
}

// declined cancels the intent of a card that was refused. One that is left open
// could be confirmed all the same, by whoever is late.
func (p payment) declined(ctx context.Context, id string, why error) error {
	if agent.Class(why) != events.Refused {
		return why
	}
	return errors.Join(why, failure(p.till.cancel(ctx, id)))
}

// refund takes a payment back, whatever is known of it. Stripe is asked inside of
// the barrier's transaction: the tombstone and the refund are there together, or
// the undoing is tried again, with the same key.
func (p payment) refund(ctx context.Context, u agent.Undo) error {
	return p.Barrier.Undo(ctx, u.Of, func(tx pgx.Tx, _ json.RawMessage) error {
		id, err := p.closeNote(ctx, tx, u.Of)
		if err != nil {
			return err
		}
		if id == "" {
			return agent.ErrNothingFound // no intent was noted: nothing was confirmed, and nothing will be
		}
		return p.till.giveBack(ctx, id, u.Key)
	})
}
