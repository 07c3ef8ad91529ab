// Package question asks a server over HTTP what leaves nothing behind there: how
// far is it? Whatever becomes of such a call, it may be made again, and another
// server may be asked instead. So there is no outcome that is unknown, and none
// of its errors is agent.Unknown.
//
//	client := question.Client(3 * time.Second)
//	res, err := client.Get(url)
//	return question.Failure(err)
package question

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// most is how large an answer may be.
const most = 4 << 20

// Client is an HTTP client for questions. It follows no redirection, reads an
// answer whole, and fails with an [agent.Failure] when the status is neither 200
// nor 400; 400 is left to who knows what the body says. What fails after that
// is not the connection, but what was said.
func Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     whole{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// whole reads answers to their end.
type whole struct{ http.RoundTripper }

func (t whole) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusBadRequest {
		if err := agent.FromResponse(res); err != nil {
			return nil, err
		}
		return nil, Garbage(fmt.Errorf("the answer has the status %s", res.Status))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > most {
		return nil, Garbage(fmt.Errorf("the answer has more than %d bytes", most))
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// Garbage says that an answer can't be read. That may pass.
func Garbage(err error) error {
	return &agent.Failure{Class: events.Transient, Code: "garbage", Err: fmt.Errorf("the answer can't be read: %w", err)}
}

// Implausible says that an answer can be read, but not believed. The same
// question would get the same answer, so another agent is to be asked.
func Implausible(err error) error {
	return agent.Unavailable("implausible", fmt.Errorf("the answer can't be believed: %w", err))
}

// NoRoute says that this provider knows of no route. Another's map may have the
// road that this one lacks.
func NoRoute(format string, args ...any) error {
	return agent.Unavailable("no_route", fmt.Errorf(format, args...))
}

// Failure reads an error of a call by a [Client], or of who read its answer.
// What it returns never has the address that was asked, for a key may be in it.
func Failure(err error) error {
	u, connection := errors.AsType[*url.Error](err)
	if connection {
		err = u.Err
	}
	f, said := errors.AsType[*agent.Failure](err)
	switch {
	case err == nil:
		return nil
	case said && f.Class != events.Unknown:
		return f
	case said:
		return &agent.Failure{Class: events.Transient, Code: f.Code, RetryAfter: f.RetryAfter, Err: f.Err}
	case connection && u.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return &agent.Failure{Class: events.Transient, Code: "timeout", Err: fmt.Errorf("there was no answer in time: %w", err)}
	case connection && agent.Class(err) == events.Unknown:
		return &agent.Failure{Class: events.Transient, Code: "cut", Err: fmt.Errorf("the answer was cut off: %w", err)}
	case connection:
		return &agent.Failure{Class: events.Transient, Code: "unreachable", Err: err}
	default: // it was read to its end, and yet
		return Garbage(err)
	}
}

// Within makes of a failure that wants a longer wait than this one that hands the
// question on: another agent's answer now is worth more than this one's then.
func Within(longest time.Duration, err error) error {
	f, ok := errors.AsType[*agent.Failure](err)
	if !ok || f.RetryAfter <= longest {
		return err
	}
	return agent.Unavailable(f.Code, fmt.Errorf("%w, and wants us to wait for %s, which is too long", f.Err, f.RetryAfter))
}

// Throttled says that we ask too often, and for how long not to ask.
func Throttled(wait time.Duration, err error) error {
	return &agent.Failure{Class: events.Transient, Code: "throttled", RetryAfter: wait, Err: err}
}
