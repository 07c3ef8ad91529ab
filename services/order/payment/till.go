package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v85"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/order/purchase"
)

// A till takes payments over Stripe.
type till struct{ *stripe.Client }

// newTill makes one. It connects to nothing yet. The URL is Stripe's own if it is
// empty.
func newTill(url, key string) till {
	c := &stripe.BackendConfig{
		// Trying again is the saga's affair: it counts, and tells.
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		HTTPClient:        &http.Client{}, // each call's context ends it
	}
	if url != "" {
		c.URL = stripe.String(url)
	}
	return till{stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(c)))}
}

// create makes an intent that charges nothing yet, under the task's key. Stripe
// keeps the first answer to a key, a 500 too: after that one, another key is the
// only way on. What the first may have left charges nothing.
func (t till) create(ctx context.Context, task agent.Task, q purchase.Quote) (*stripe.PaymentIntent, error) {
	try := func(key string) (*stripe.PaymentIntent, error) {
		params := &stripe.PaymentIntentCreateParams{
			Amount:             stripe.Int64(q.Total),
			Currency:           stripe.String(q.Currency),
			PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
			Description:        stripe.String(q.Words),
			Metadata:           map[string]string{"saga": task.ID, "key": task.Key},
		}
		params.SetIdempotencyKey(key)
		return t.V1PaymentIntents.Create(ctx, params)
	}
	intent, err := try(task.Key)
	if stale(err) {
		return try(fmt.Sprintf("%s/attempt-%d", task.Key, task.Attempt))
	}
	return intent, err
}

// stale reports whether an answer is a server's error that is only said again.
func stale(err error) bool {
	e, ok := errors.AsType[*stripe.Error](err)
	return ok && e.HTTPStatusCode >= 500 && e.LastResponse != nil && e.LastResponse.Header.Get("Idempotent-Replayed") == "true"
}

func (t till) look(ctx context.Context, id string) (*stripe.PaymentIntent, error) {
	params := &stripe.PaymentIntentRetrieveParams{}
	params.AddExpand("latest_charge")
	return t.V1PaymentIntents.Retrieve(ctx, id, params)
}

// confirm charges. If somebody else did so meanwhile, that is what it returns.
func (t till) confirm(ctx context.Context, id, method string) (*stripe.PaymentIntent, error) {
	intent, err := t.V1PaymentIntents.Confirm(ctx, id, &stripe.PaymentIntentConfirmParams{
		PaymentMethod: stripe.String(method), OffSession: stripe.Bool(true),
	})
	if says(err, stripe.ErrorCodePaymentIntentUnexpectedState) {
		return t.look(ctx, id)
	}
	return intent, err
}

// cancel makes an intent one that will never be charged. One that is cancelled
// already is no error.
func (t till) cancel(ctx context.Context, id string) error {
	_, err := t.V1PaymentIntents.Cancel(ctx, id, nil)
	if !says(err, stripe.ErrorCodePaymentIntentUnexpectedState) {
		return err
	}
	intent, looked := t.look(ctx, id)
	if looked == nil && intent.Status == stripe.PaymentIntentStatusCanceled {
		return nil
	}
	return errors.Join(err, looked)
}

// giveBack leaves nothing of an intent: it refunds what was charged, and cancels
// what was not. A refund that was made already is no error: Stripe refunds no
// charge twice.
func (t till) giveBack(ctx context.Context, id, key string) error {
	intent, err := t.look(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("look where intent %s stands: %w", id, failure(err))
	case intent.Status != stripe.PaymentIntentStatusSucceeded:
		if err := t.cancel(ctx, id); err != nil {
			return fmt.Errorf("cancel intent %s: %w", id, failure(err))
		}
		return nil
	case intent.LatestCharge != nil && intent.LatestCharge.Refunded:
		return nil
	}
	try := func(key string) error {
		params := &stripe.RefundCreateParams{PaymentIntent: stripe.String(id)}
		params.SetIdempotencyKey(key)
		_, err := t.V1Refunds.Create(ctx, params)
		return err
	}
	err = try(key)
	if stale(err) { // and it is not refunded: we have just looked
		err = try(fmt.Sprintf("%s/%s", key, stripe.NewIdempotencyKey()))
	}
	if err != nil && !says(err, stripe.ErrorCodeChargeAlreadyRefunded) {
		return fmt.Errorf("refund intent %s: %w", id, failure(err))
	}
	return nil
}

func says(err error, code stripe.ErrorCode) bool {
	e, ok := errors.AsType[*stripe.Error](err)
	return ok && e.Code == code
}
