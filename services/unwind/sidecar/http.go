package sidecar

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
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
	// A connection for each call: one that lies idle is closed by the program, after some
	// seconds, and a call sent at that moment is one of which nobody knows what came. And
	// so it can be told what was sent of a call.
	transport.DisableKeepAlives = true
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &counted{Conn: c}, nil
	}
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
	var t try
	res, err := p.post(ctx, c, body, &t)
	if err != nil {
		return answer{}, nil, unanswered(ctx, &t, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, largest+1))
	switch {
	case err != nil:
		return answer{}, nil, unanswered(ctx, &t, err)
	case len(text) > largest:
		return answer{}, nil, bad(text[:events.MaxRaw], "it has more than %d bytes", largest)
	}
	a, err := said(res, text, c.Call)
	return a, text, err
}

func (p poster) post(ctx context.Context, c call, body []byte, t *try) (*http.Response, error) {
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, t.trace()), http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	c.head(r.Header)
	for name, value := range p.header {
		r.Header.Set(name, value)
	}
	// With it, and an Idempotency-Key, the client would send a call again of which
	// nobody knows what came: that is for whoever counts the attempts.
	r.GetBody = nil
	return p.client.Do(r)
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

// unanswered says what is known when there is no answer. Who was sent nothing has done
// nothing.
func unanswered(ctx context.Context, t *try, err error) error {
	untrusted, isUntrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isUntrusted:
		return agent.Unavailable("not_trusted", fmt.Errorf("the program is not whom it should be: %w", untrusted))
	case !t.sent():
		return &agent.Failure{Class: events.Transient, Code: "not_there", RetryAfter: soon, Err: fmt.Errorf("the program does not answer: %w", err)}
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return agent.Unknown(fmt.Errorf("the program's answer was lost: %w", err))
	}
}

// said reads an answer: what it says itself, or what its status does.
func said(res *http.Response, text []byte, asked string) (answer, error) {
	fine := res.StatusCode >= 200 && res.StatusCode < 300
	if a, ok, err := enveloped(text); ok && (fine || err == nil && a.Outcome.known()) {
		if by, ok := errors.AsType[*agent.Failure](agent.FromResponse(res)); ok && a.Error.RetryAfter == 0 {
			a.Error.RetryAfter = pause(by.RetryAfter)
		}
		return a, err
	}
	switch code := res.StatusCode; {
	case code == http.StatusAccepted && asked == perform:
		return answer{Outcome: Pending}, nil
	case code == http.StatusAccepted: // it will undo it, which nobody would notice if it did not
		return answer{}, &agent.Failure{Class: events.Transient, Code: "http_202", Err: errors.New("the program accepted the undoing, but does not say that it is done"), Raw: text[:min(len(text), events.MaxRaw)]}
	case fine:
		return read(text)
	case asked == compensate && (code == http.StatusNotFound || code == http.StatusGone):
		return answer{Outcome: Nothing}, nil
	case code == http.StatusGone:
		return answer{Outcome: Dead}, nil
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return answer{}, explained(agent.FromResponse(res), text)
}

// explained adds the program's own words to what its status says.
func explained(err error, text []byte) error {
	var body struct {
		Error trouble `json:"error"`
	}
	f, ok := errors.AsType[*agent.Failure](err)
	if !ok || json.Unmarshal(text, &body) != nil {
		return err
	}
	if body.Error.Code != "" {
		f.Code = short(body.Error.Code, longestCode)
	}
	if body.Error.Message != "" {
		f.Err = errors.New(body.Error.Message)
	}
	return f
}
