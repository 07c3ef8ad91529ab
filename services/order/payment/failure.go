package main

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// failure says what an error of Stripe's means for the saga:
//
//	the card is declined                        refused      the order goes back
//	429, 409 (the key or the object is in use)  transient    not before its Retry-After
//	no connection                               transient    nothing was sent
//	401, 403                                    unavailable  our key, and no other try helps
//	400, 404, an idempotency key misused        unavailable  our mistake
//	5xx; cut, or silence                        unknown      it may have happened
func failure(err error) error {
	if err == nil {
		return nil
	}
	e, answered := errors.AsType[*stripe.Error](err)
	if !answered {
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
			return &agent.Failure{Class: events.Transient, Code: "no_connection", Err: err}
		}
		return agent.Unknown(err)
	}
	f := &agent.Failure{Class: events.Unavailable, Code: cmp.Or(string(e.Code), string(e.Type)), Err: err}
	switch {
	case e.Type == stripe.ErrorTypeCard:
		f.Class, f.Code = events.Refused, cmp.Or(string(e.Code), "card_error")
	case e.HTTPStatusCode == http.StatusTooManyRequests, e.HTTPStatusCode == http.StatusConflict:
		f.Class = events.Transient
		if e.LastResponse != nil {
			f.RetryAfter = seconds(e.LastResponse.Header.Get("Retry-After"))
		}
	case e.HTTPStatusCode >= 500:
		f.Class = events.Unknown
	}
	return f
}

func seconds(value string) time.Duration {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
