package bank

import (
	"fmt"
	"net/http"
	"sync"
)

// Mode is a way to fail.
type Mode string

// The ways to fail, and not to.
const (
	Sound   Mode = "none"
	Drop    Mode = "drop"    // nothing happens; the connection is cut instead of an answer
	Limit   Mode = "limit"   // 429 with Retry-After: 1
	Expired Mode = "expired" // 401: the key is not one any more
	Broken  Mode = "broken"  // 500, and nothing happens; kept under the idempotency key
	Blurred Mode = "blurred" // 500, but it happens; kept under the idempotency key
	Decline Mode = "decline" // the card is declined, whichever it is
	Lose    Mode = "lose"    // it happens; the connection is cut instead of an answer
	Hang    Mode = "hang"    // it happens; there is no answer until the client goes
)

var modes = map[Mode]bool{Sound: true, Drop: true, Limit: true, Expired: true, Broken: true, Blurred: true, Decline: true, Lose: true, Hang: true}

// early are the answers that come before a request is looked at.
var early = map[Mode]reply{
	Drop: {},
	Limit: func() reply {
		a := refused(http.StatusTooManyRequests, "invalid_request_error", "rate_limit", "Too many requests.")
		a.header = http.Header{"Retry-After": {"1"}}
		return a
	}(),
	Expired: refused(http.StatusUnauthorized, "invalid_request_error", "api_key_expired", "Expired API Key provided."),
}

// An Operation is one thing that the API can do.
type Operation string

// The operations.
const (
	Create   Operation = "create"
	Confirm  Operation = "confirm"
	Cancel   Operation = "cancel"
	Retrieve Operation = "retrieve"
	Refund   Operation = "refund"
)

var operations = map[string]Operation{
	"POST /v1/payment_intents":              Create,
	"POST /v1/payment_intents/{id}/confirm": Confirm,
	"POST /v1/payment_intents/{id}/cancel":  Cancel,
	"GET /v1/payment_intents/{id}":          Retrieve,
	"POST /v1/refunds":                      Refund,
}

// Fault is what is to fail, and how often.
type Fault struct {
	Mode  Mode      `json:"mode"`
	On    Operation `json:"on,omitempty"`    // "": on whichever comes
	Count int       `json:"count,omitempty"` // how many times; 0: until told otherwise
}

type faults struct {
	mu  sync.Mutex
	set Fault
}

func (f *faults) put(fault Fault) error {
	if fault.Mode == "" {
		fault.Mode = Sound
	}
	known := fault.On == ""
	for _, op := range operations {
		known = known || op == fault.On
	}
	if !modes[fault.Mode] || !known || fault.Count < 0 {
		return fmt.Errorf("set fault: no mode %q on %q with count %d", fault.Mode, fault.On, fault.Count)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = fault
	return nil
}

func (f *faults) get() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set.Mode == "" {
		return Fault{Mode: Sound}
	}
	return f.set
}

// strike says what strikes this operation now, and counts it.
func (f *faults) strike(op Operation) Mode {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set.Mode == "" || f.set.On != "" && f.set.On != op {
		return Sound
	}
	mode := f.set.Mode
	if f.set.Count > 0 {
		if f.set.Count--; f.set.Count == 0 {
			f.set = Fault{Mode: Sound}
		}
	}
	return mode
}
