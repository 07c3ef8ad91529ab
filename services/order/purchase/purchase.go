// Package purchase is the task of the order saga: what a customer wants, as a
// shop submits it, and what the steps tell each other of it.
//
// Begin with [Read]. The form is JSON, and [Schema] its JSON Schema, which the
// entry agent holds every task against; task.schema.json is the same for others
// to fetch.
package purchase

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A Purchase is one task.
type Purchase struct {
	Name   string `json:"name"`
	Email  string `json:"email"`
	Lines  []Line `json:"lines"`
	Method string `json:"payment_method"` // Stripe's name for it: pm_...
}

// A Line is so much of one thing.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// A Quote is what it costs: the result of the step quote.
type Quote struct {
	Total    int64  `json:"total"` // in the smallest unit of the currency
	Currency string `json:"currency"`
	Words    string `json:"words"` // as the customer reads it
}

// A Reservation is the result of the step stock.
type Reservation struct {
	Warehouse string `json:"warehouse"`
}

// A Payment is the result of the step payment.
type Payment struct {
	Intent string `json:"intent"`
	Amount int64  `json:"amount"`
}

// Schema is the JSON Schema of a task.
//
//go:embed task.schema.json
var Schema []byte

// Read reads one task. It demands that the JSON be one value of this shape with
// nothing else in it; whether the values are acceptable is the schema's affair.
func Read(task []byte) (Purchase, error) {
	var p Purchase
	d := json.NewDecoder(bytes.NewReader(task))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Purchase{}, fmt.Errorf("read purchase: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Purchase{}, errors.New("read purchase: more than one JSON value")
	}
	return p, nil
}
