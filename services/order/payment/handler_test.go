package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/ordertest"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/world"
)

func TestMain(m *testing.M) { os.Exit(ordertest.Main(m)) }

const price = 1900

func desk(t *testing.T, env ...string) *ordertest.Desk {
	return ordertest.Open(t, open, "agent.yaml", append([]string{"PAYMENT_TIMEOUT=2s"}, env...)...)
}

var tea = world.Want("Ada", purchase.Line{SKU: "tea", Quantity: 2})

func task(d *ordertest.Desk, p purchase.Purchase) agent.Task {
	return d.Task(p, map[string]any{"quote": purchase.Quote{Total: price, Currency: "eur", Words: "2 × tea"}})
}

func charged(p world.Page) bool {
	return p.Charges == 1 && p.Charged == price && p.Refunded == 0 && p.Open == 0
}

func TestBarrier(t *testing.T) {
	d := desk(t)
	ordertest.Suite(t, d, func() agent.Task { return task(d, tea) }, charged)
}

// Each fault of Stripe's, or of the line to it, at each call: what it is for the
// saga, whether the money moved all the same, and that neither another attempt nor
// the undoing does more than it should.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		mode  bank.Mode
		on    bank.Operation
		class events.Class
		code  string
		after time.Duration
		moved bool
	}{
		{bank.Drop, bank.Create, events.Unknown, "", 0, false},
		{bank.Lose, bank.Create, events.Unknown, "", 0, false},
		{bank.Hang, bank.Create, events.Unknown, "", 0, false},
		{bank.Broken, bank.Create, events.Unknown, "api_error", 0, false},
		{bank.Blurred, bank.Create, events.Unknown, "api_error", 0, false},
		{bank.Limit, bank.Create, events.Transient, "rate_limit", time.Second, false},
		{bank.Expired, bank.Create, events.Unavailable, "api_key_expired", 0, false},
		{bank.Drop, bank.Confirm, events.Unknown, "", 0, false},
		{bank.Lose, bank.Confirm, events.Unknown, "", 0, true},
		{bank.Hang, bank.Confirm, events.Unknown, "", 0, true},
		{bank.Broken, bank.Confirm, events.Unknown, "api_error", 0, false},
		{bank.Blurred, bank.Confirm, events.Unknown, "api_error", 0, true},
		{bank.Limit, bank.Confirm, events.Transient, "rate_limit", time.Second, false},
		{bank.Expired, bank.Confirm, events.Unavailable, "api_key_expired", 0, false},
		{bank.Decline, bank.Confirm, events.Refused, "card_declined", 0, false},
	} {
		t.Run(string(tc.mode)+" on "+string(tc.on), func(t *testing.T) {
			d := desk(t)
			fail := func(t *testing.T) agent.Task {
				t.Helper()
				order := task(d, tea)
				require.NoError(t, d.Bank.Fail(bank.Fault{Mode: tc.mode, On: tc.on, Count: 1}))
				_, err := d.Perform(order)
				ordertest.RequireFailed(t, err, tc.class, tc.code, tc.after)
				assert.Equal(t, tc.moved, d.Page(order).Charged > 0, "money moved")
				return order
			}
			again := fail(t)
			if tc.class != events.Refused {
				again.Attempt = 2
				_, err := d.Perform(again)
				require.NoError(t, err)
				page := d.Page(again)
				page.Open = 0 // of a 500 an intent may be left that nobody knows of, and nobody can charge
				assert.True(t, charged(page), "charged once: %s", page)
			}
			undone := fail(t)
			if err := d.Undo(undone); err != nil {
				require.ErrorIs(t, err, agent.ErrNothingFound)
			}
			// An intent that nobody noted may be there. It can't be charged.
			page := d.Page(undone)
			assert.Equal(t, page.Charged, page.Refunded, "%s", page)
			undone.Attempt = 2
			_, err := d.Perform(undone)
			require.ErrorIs(t, err, agent.ErrDead)
			assert.Equal(t, page.String(), d.Page(undone).String())
		})
	}
}

// A refund, too, can go wrong in each way. It is tried until it has worked, and is
// made once.
func TestRefundFaults(t *testing.T) {
	for _, mode := range []bank.Mode{bank.Drop, bank.Lose, bank.Hang, bank.Broken, bank.Blurred, bank.Limit, bank.Expired} {
		for _, on := range []bank.Operation{bank.Retrieve, bank.Refund} {
			t.Run(string(mode)+" on "+string(on), func(t *testing.T) {
				d := desk(t)
				order := task(d, tea)
				_, err := d.Perform(order)
				require.NoError(t, err)
				require.NoError(t, d.Bank.Fail(bank.Fault{Mode: mode, On: on, Count: 1}))
				require.Error(t, d.Undo(order))
				require.NoError(t, d.Undo(order))
				page := d.Page(order)
				assert.EqualValues(t, price, page.Charged)
				assert.EqualValues(t, price, page.Refunded)
			})
		}
	}
}

// A card that is declined leaves an intent that nobody can confirm any more.
func TestDeclined(t *testing.T) {
	d := desk(t)
	order := task(d, world.Declined(tea))
	_, err := d.Perform(order)
	ordertest.RequireFailed(t, err, events.Refused, "card_declined", 0)
	assert.True(t, d.Page(order).Nothing(), "%s", d.Page(order))
	require.NoError(t, d.Undo(order))
	assert.True(t, d.Page(order).Nothing(), "%s", d.Page(order))
}

// The same key for another payment is our mistake, and no other try helps.
func TestKeyMisused(t *testing.T) {
	d := desk(t)
	order := task(d, tea)
	require.NoError(t, d.Bank.Fail(bank.Fault{Mode: bank.Drop, On: bank.Confirm, Count: 1}))
	_, err := d.Perform(order)
	require.Error(t, err)
	_, err = d.Shop.Exec(t.Context(), `UPDATE payments SET intent = NULL WHERE key = $1`, order.Key)
	require.NoError(t, err)
	order.Results["quote"] = []byte(`{"total": 5, "currency": "eur"}`)
	_, err = d.Perform(order)
	ordertest.RequireFailed(t, err, events.Unavailable, "idempotency_error", 0)
	assert.Zero(t, d.Page(order).Charged)
}

// Stripe forgets its keys after a day. What was noted before stays found.
func TestKeyForgotten(t *testing.T) {
	for _, mode := range []bank.Mode{bank.Drop, bank.Lose} {
		d := desk(t)
		again, undone := task(d, tea), task(d, tea)
		for _, order := range []agent.Task{again, undone} {
			require.NoError(t, d.Bank.Fail(bank.Fault{Mode: mode, On: bank.Confirm, Count: 1}))
			_, err := d.Perform(order)
			require.Error(t, err)
		}
		d.Bank.Forget()
		_, err := d.Perform(again)
		require.NoError(t, err)
		assert.True(t, charged(d.Page(again)), "%s", d.Page(again))
		require.NoError(t, d.Undo(undone))
		assert.True(t, d.Page(undone).Nothing(), "%s", d.Page(undone))
	}
}

// Nobody listens: nothing was sent.
func TestNoConnection(t *testing.T) {
	d := desk(t, "STRIPE_URL=http://127.0.0.1:1")
	_, err := d.Perform(task(d, tea))
	ordertest.RequireFailed(t, err, events.Transient, "no_connection", 0)
}

// Whoever is late finds a cancelled intent, and charges nothing: Stripe itself is the
// barrier.
func TestLate(t *testing.T) {
	d := desk(t)
	order := task(d, tea)
	require.NoError(t, d.Bank.Fail(bank.Fault{Mode: bank.Drop, On: bank.Confirm, Count: 1}))
	_, err := d.Perform(order)
	require.Error(t, err)
	var id string
	require.NoError(t, d.Shop.QueryRow(t.Context(), `SELECT intent FROM payments WHERE key = $1`, order.Key).Scan(&id))
	require.NoError(t, d.Undo(order))

	late := payment{till: newTill(d.Stripe(), "sk_test_unwind")}
	intent, err := late.till.look(t.Context(), id)
	require.NoError(t, err)
	intent.Status = "requires_confirmation" // as it was when the late one looked
	_, err = late.confirm(t.Context(), intent, "pm_card_visa")
	ordertest.RequireFailed(t, err, events.Refused, "canceled", 0)
	assert.True(t, d.Page(order).Nothing(), "%s", d.Page(order))
}
