package sidecar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

const (
	// largest is how much of an answer is read: a result may have so much, and what
	// is around it a little.
	largest = events.MaxResult + 1<<20
	// soon is when a program that is not there is asked again.
	soon = time.Second
)

// A poster is a program that is asked over HTTP.
type poster struct {
	url    string
	client *http.Client
	header map[string]string // of every call
}

func newPoster(url string) poster {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // it is beside us, or behind an address that was meant
	transport.MaxIdleConnsPerHost = 64
	return poster{url: url, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (p poster) ask(ctx context.Context, c call, data any) (answer, []byte, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return answer{}, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, nil, err
	}
	// A request with this header may be sent again by the client when the connection
	// turns out to be closed. So it may; but then its outcome is known by its key only.
	c.head(r.Header)
	for name, value := range p.header {
		r.Header.Set(name, value)
	}
	r.GetBody = nil
	res, err := p.client.Do(r)
	if err != nil {
		return answer{}, nil, unanswered(ctx, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, largest+1))
	switch {
	case err != nil:
		return answer{}, nil, unanswered(ctx, err)
	case len(text) > largest:
		return answer{}, nil, bad(text[:events.MaxRaw], "it has more than %d bytes", largest)
	}
	a, err := said(res, text, c.Call)
	return a, text, err
}

// head writes the call's headers.
func (c call) head(h http.Header) {
	for name, value := range map[string]string{
		"ce-specversion":   "1.0",
		"ce-type":          "dev.unwind." + c.Call,
		"ce-id":            fmt.Sprintf("%s#%d", c.Key, c.Attempt),
		"ce-source":        "/unwind/" + c.Type + "/" + c.Agent,
		"ce-subject":       c.ID,
		"ce-sagatype":      c.Type,
		"ce-step":          c.Step,
		"ce-agent":         c.Agent,
		"ce-attempt":       strconv.Itoa(c.Attempt),
		"Idempotency-Key":  c.Key,
		"Unwind-Time-Left": c.TimeLeft,
		"Unwind-Deadline":  c.Deadline,
		"traceparent":      c.Parent,
		"tracestate":       c.State,
		"Content-Type":     "application/json",
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
}

// unanswered says what is known when there is no answer. Who could not even be
// reached has done nothing.
func unanswered(ctx context.Context, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && ctx.Err() == nil {
		return &agent.Failure{Class: events.Transient, Code: "not_there", RetryAfter: soon, Err: fmt.Errorf("the program does not answer: %w", err)}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return agent.Unknown(fmt.Errorf("the program's answer was lost: %w", err))
}

// said reads an answer: what it says itself, or what its status does.
func said(res *http.Response, text []byte, asked string) (answer, error) {
	if a, ok, err := enveloped(text); ok {
		return a, err
	}
	switch code := res.StatusCode; {
	case code == http.StatusAccepted && asked == perform:
		return answer{Outcome: Pending}, nil
	case code >= 200 && code < 300:
		return read(text)
	case asked == compensate && (code == http.StatusNotFound || code == http.StatusGone):
		return answer{Outcome: Nothing}, nil
	case code == http.StatusGone:
		return answer{Outcome: Dead}, nil
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return answer{}, agent.FromResponse(res)
}
