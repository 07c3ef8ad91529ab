package bank

import (
	"maps"
	"strings"
	"time"
)

// Status is where a payment intent stands, in Stripe's words.
type Status string

// The statuses that the bank knows.
const (
	NeedsMethod       Status = "requires_payment_method"
	NeedsConfirmation Status = "requires_confirmation"
	Succeeded         Status = "succeeded"
	Canceled          Status = "canceled"
)

// An Intent is a payment that was meant to be made, and perhaps was.
type Intent struct {
	ID       string            `json:"id"`
	Key      string            `json:"key"` // under which it was made
	Status   Status            `json:"status"`
	Amount   int64             `json:"amount"` // in the smallest unit of the currency
	Currency string            `json:"currency"`
	Method   string            `json:"payment_method,omitempty"`
	Charge   string            `json:"charge,omitempty"`
	Refund   string            `json:"refund,omitempty"` // of all of it
	Metadata map[string]string `json:"metadata"`
	Created  time.Time         `json:"created"`
}

// Kept is the money that moved here and stayed.
func (i Intent) Kept() int64 {
	if i.Status != Succeeded || i.Refund != "" {
		return 0
	}
	return i.Amount
}

func (i *Intent) clone() Intent {
	c := *i
	c.Metadata = maps.Clone(i.Metadata)
	return c
}

// charge is the charge as Stripe tells it.
func (i *Intent) charge() map[string]any {
	refunded := int64(0)
	if i.Refund != "" {
		refunded = i.Amount
	}
	return map[string]any{
		"id": i.Charge, "object": "charge", "amount": i.Amount, "currency": i.Currency, "paid": true, "status": "succeeded",
		"captured": true, "amount_refunded": refunded, "refunded": i.Refund != "", "payment_intent": i.ID,
	}
}

// fill puts what is remembered into what stripe-mock answered.
func (i *Intent) fill(answer map[string]any, expanded bool) {
	answer["id"], answer["status"], answer["amount"], answer["currency"] = i.ID, i.Status, i.Amount, i.Currency
	answer["metadata"], answer["created"] = i.Metadata, i.Created.Unix()
	answer["client_secret"] = i.ID + "_secret_none"
	answer["payment_method"], answer["latest_charge"], answer["canceled_at"] = nil, nil, nil
	answer["last_payment_error"], answer["next_action"], answer["amount_received"] = nil, nil, 0
	if i.Method != "" {
		answer["payment_method"] = i.Method
	}
	if i.Status == Canceled {
		answer["canceled_at"] = i.Created.Unix()
	}
	if i.Charge == "" {
		return
	}
	answer["amount_received"], answer["latest_charge"] = i.Amount, i.Charge
	if expanded {
		answer["latest_charge"] = i.charge()
	}
}

// pays reports whether this payment method pays in Stripe's test mode.
func pays(method string) bool { return !strings.Contains(method, "Declined") }
