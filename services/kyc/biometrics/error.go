package biometrics

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Class says what can be done about a failure, in the saga's words.
type Class string

// The classes.
const (
	Transient   Class = "transient"   // the same again later: see RetryAfter
	Unavailable Class = "unavailable" // this provider does not work; another might
	Refused     Class = "refused"     // these images, or this request, will never be accepted
	Unknown     Class = "unknown"     // it may have been done
)

// Error is a call that did not work, or nobody knows.
type Error struct {
	Call            string // "compare", "forget", "list"
	Class           Class
	Status          int           // of HTTP; 0: there was no answer
	RetryAfter      time.Duration // as the provider asked; 0: it did not
	MayHaveHappened bool
	Err             error
}

func (e *Error) Error() string {
	fate := "nothing was done"
	if e.MayHaveHappened {
		fate = "it may have been done"
	}
	return fmt.Sprintf("%s at the face provider: %v; %s", e.Call, e.Err, fate)
}

func (e *Error) Unwrap() error { return e.Err }

// unconnected judges why there was no connection. A provider that restarts is back
// soon, and a stand-in is not to take over before; one that is not who it says it is
// will not become so by waiting.
func unconnected(err error) Class {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Unavailable
	}
	return Transient
}

// classify judges a status that is no success. A gateway's 502 or 504 speaks of a
// provider that may have done it; 503 and 429 say that it has not begun.
func classify(status int) (class Class, maybe bool) {
	switch {
	case status >= 300 && status < 400:
		return Unavailable, false // sent elsewhere: the address is wrong
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, status == http.StatusConflict:
		return Transient, false // a conflict: the same key is being worked on
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound,
		status == http.StatusMethodNotAllowed:
		return Unavailable, false // it is us that it does not want: no reason to refuse the applicant
	case status == http.StatusRequestTimeout:
		return Unknown, true
	case status >= 400 && status < 500:
		return Refused, false
	}
	return Unknown, true
}

// retryAfter reads both forms of the heading (RFC 9110, 10.2.3); a date counts
// from the answer's own Date, so that our clock does not matter.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, until.Sub(from))
}
