package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A Failure is an error that says what it means for the saga. The zero Class
// is transient.
//
// With a RetryAfter it says that the provider has asked for a pause: see the
// function of that name. Who is unavailable for a while, and has no fallback
// agent left, waits as well, instead of turning the saga.
type Failure struct {
	Class      events.Class
	Code       string        // stable, for programs; default: the class
	RetryAfter time.Duration // the least wait before the next try
	Err        error         // may be nil: then the code says it

	// Raw is what the provider answered, for who debugs it. Its first 8 KiB are
	// written to the history, where whoever may read the saga reads it: leave
	// out of it what is a secret. It is never logged.
	Raw []byte

	cut int64 // how much of Raw was not even read
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return cmp.Or(f.Code, string(f.Class), string(events.Transient))
	}
	return f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// Refuse says that the task is not acceptable: the card is declined, the face
// does not match. Nobody tries again, the saga turns.
func Refuse(code, format string, args ...any) error {
	return &Failure{Class: events.Refused, Code: code, Err: fmt.Errorf(format, args...)}
}

// Unavailable says that this agent can't: the quota is used up, the key has
// expired. The next agent in the chain may.
func Unavailable(code string, err error) error {
	return &Failure{Class: events.Unavailable, Code: code, Err: err}
}

// RetryAfter says that it may work, but not sooner than after d, as a provider
// says with a 429. The agent slows down: its other calls wait as well, unless
// the configuration says retry_after_holds: saga. And it takes its time: while no
// fallback agent is left, such a try is none of max_retries.
func RetryAfter(d time.Duration, err error) error {
	return &Failure{Class: events.Transient, RetryAfter: d, Err: err}
}

// Unknown says that it may have happened: the answer was lost.
func Unknown(err error) error { return &Failure{Class: events.Unknown, Err: err} }

// ErrDead is the answer of a handler whose idempotency key was compensated
// already: a late replica, whose work is not wanted any more. It has left
// nothing.
var ErrDead = errors.New("this key was compensated")

const codeDead = "dead"

// Class says how an error is read that does not say it itself: a timeout, a call
// that was cancelled or a connection that was cut leaves its outcome unknown, a dead key leaves
// nothing, and anything else is transient.
func Class(err error) events.Class {
	var f *Failure
	var timeout net.Error
	switch {
	case errors.As(err, &f):
		if f.Class == "" {
			return events.Transient
		}
		return f.Class
	case errors.Is(err, ErrDead):
		return events.Unavailable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &timeout) && timeout.Timeout(),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return events.Unknown
	default:
		return events.Transient
	}
}

// FromResponse reads the class of an HTTP answer that is no success: 429 and
// 503 are transient, with their Retry-After; 409 and 422 refuse; 400, 401, 403,
// 404, 405, 501 and a redirection say that this agent can't; 408 and 504 leave the outcome
// unknown; the rest is transient. It returns nil for a success.
//
// The body of such an answer is read, and its beginning kept as [Failure.Raw]:
// it is written to the history. Closing it stays with the caller.
func FromResponse(res *http.Response) error {
	code := res.StatusCode
	if code < 300 {
		return nil
	}
	f := &Failure{Class: events.Transient, Code: "http_" + strconv.Itoa(code)}
	f.Err = fmt.Errorf("%s answered %s", host(res), res.Status)
	f.Raw, f.cut = readRaw(res.Body)
	if code < 400 {
		f.Class = events.Unavailable
	}
	switch code {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
	case http.StatusConflict, http.StatusUnprocessableEntity:
		f.Class = events.Refused
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		f.Class = events.Unavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		f.Class = events.Unknown
	}
	return f
}

func host(res *http.Response) string {
	if res.Request == nil || res.Request.URL == nil {
		return "the server"
	}
	return res.Request.URL.Host
}

// retryAfter reads the header as RFC 9110 has it: seconds, or a date.
func retryAfter(value string) time.Duration {
	if s, err := strconv.ParseInt(value, 10, 64); err == nil && s > 0 {
		return time.Duration(min(s, int64(math.MaxInt64/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// setback turns a handler's error into what the rules decide on.
func setback(err error) saga.Setback {
	b := saga.Setback{
		Class: Class(err),
		Left:  events.LeftNothing,
		Error: events.Error{Message: text(err)},
	}
	if b.Class == events.Unknown {
		b.Left = events.LeftUnknown
	}
	b.Error.Code = string(b.Class)
	var f *Failure
	var p *panicked
	var bad badResult
	var store unstored
	switch {
	case errors.As(err, &p):
		b.Error.Code, b.Left = "panic", events.LeftUnknown
	case errors.As(err, &bad):
		b.Error.Code, b.Left = "bad_result", events.LeftUnknown
		b.Raw = rawOf(bad.raw, 0)
	case errors.As(err, &store):
		b.Error.Code, b.Left = "not_stored", events.LeftUnknown
	case errors.As(err, &f):
		b.RetryAfter, b.Throttled = f.RetryAfter, f.RetryAfter > 0
		b.Raw = rawOf(f.Raw, f.cut)
		if f.Code != "" {
			b.Error.Code = f.Code
		}
	case errors.Is(err, ErrDead):
		b.Error.Code = codeDead
	case errors.Is(err, context.DeadlineExceeded):
		b.Error.Code = "timeout"
	}
	return b
}

// maxText is how much of an error's text is written. Whole answers of servers
// are quoted in errors, and an event that the broker finds too large would be
// tried for ever.
const maxText = 8 << 10

// text is an error's text, as far as it is written.
func text(err error) string {
	s := err.Error()
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + " ..."
}
