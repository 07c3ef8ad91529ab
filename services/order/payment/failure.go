package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
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
			return &agent.Failure{Class: events.Transient, Code: "no_connection", Err: fmt.Errorf("ask stripe: %w; nothing was sent", err)}
		}
		return agent.Unknown(fmt.Errorf("ask stripe: %w; it may have happened", err))
	}
	f := &agent.Failure{Class: events.Unavailable, Code: cmp.Or(string(e.Code), string(e.Type)), Err: said(e)}
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

// said is an answer of Stripe's in a line. The SDK's own text is JSON.
func said(e *stripe.Error) error {
	why := cmp.Or(string(e.DeclineCode), string(e.Code), string(e.Type))
	return fmt.Errorf("stripe answered %d (%s): %s", e.HTTPStatusCode, why, strings.TrimSuffix(e.Msg, "."))
}

func seconds(value string) time.Duration {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
