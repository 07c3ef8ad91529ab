package biometrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Client talks to one provider.
type Client struct {
	base    *url.URL
	http    *http.Client
	timeout time.Duration
}

// Config is optional.
type Config struct {
	Timeout   time.Duration     // of one call; 0: 10 s
	Transport http.RoundTripper // nil: http.DefaultTransport
}

// Comparison is the provider's answer.
type Comparison struct {
	ID         string  `json:"id"`
	Similarity float64 `json:"similarity"` // 0 to 1
	Match      bool    `json:"match"`      // by the provider's own threshold
}

// Kept is a comparison whose template the provider still has.
type Kept struct {
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
}

// New makes a Client for the provider at base: "http://127.0.0.1:8090".
func New(base string, config Config) (*Client, error) {
	u, err := url.Parse(base)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.New("want http:// or https:// and a host")
	}
	if err != nil {
		return nil, fmt.Errorf("configure face provider %q: %w", base, err)
	}
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	return &Client{base: u, timeout: config.Timeout, http: &http.Client{
		Transport: config.Transport,
		// Images of faces go to the address that was configured and to no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Compare has two images compared, once for each key.
func (c *Client) Compare(ctx context.Context, key string, portrait, selfie []byte) (Comparison, error) {
	body, err := json.Marshal(struct {
		Portrait []byte `json:"portrait"`
		Selfie   []byte `json:"selfie"`
	}{portrait, selfie})
	if err != nil {
		return Comparison{}, &Error{Call: "compare", Class: Refused, Err: err}
	}
	var got Comparison
	err = c.call(ctx, "compare", http.MethodPost, "/v1/comparisons", key, body, http.StatusCreated, func(b []byte) error {
		if err := json.Unmarshal(b, &got); err != nil {
			return err
		}
		if got.ID == "" || !(got.Similarity >= 0 && got.Similarity <= 1) {
			return fmt.Errorf("no id, or similarity %v", got.Similarity)
		}
		return nil
	})
	if err != nil {
		return Comparison{}, err
	}
	return got, nil
}

// Forget has a template destroyed and says whether there was one. It may be
// called any number of times.
func (c *Client) Forget(ctx context.Context, id string) (found bool, err error) {
	if id == "" {
		return false, &Error{Call: "forget", Class: Refused, Err: errors.New("no id")}
	}
	err = c.call(ctx, "forget", http.MethodDelete, "/v1/comparisons/"+url.PathEscape(id), "", nil, http.StatusNoContent, nil)
	if errors.Is(err, errNotFound) {
		return false, nil
	}
	return err == nil, err
}

// ForgetKey has whatever a key has left destroyed, for a comparison whose answer,
// and so its id, was lost.
func (c *Client) ForgetKey(ctx context.Context, key string) (found bool, err error) {
	kept, err := c.List(ctx)
	if err != nil {
		return false, err
	}
	for _, k := range kept {
		if k.Key != key {
			continue
		}
		was, err := c.Forget(ctx, k.ID)
		if err != nil {
			return found, err
		}
		found = found || was
	}
	return found, nil
}

// List returns what the provider keeps, the oldest first.
func (c *Client) List(ctx context.Context) ([]Kept, error) {
	var got []Kept
	err := c.call(ctx, "list", http.MethodGet, "/v1/comparisons", "", nil, http.StatusOK, func(b []byte) error { return json.Unmarshal(b, &got) })
	if e, ok := errors.AsType[*Error](err); ok && e.MayHaveHappened {
		e.Class, e.MayHaveHappened = Transient, false // a list changes nothing
	}
	if err != nil {
		return nil, err
	}
	return got, nil
}

// most is far more than any answer of the provider; what sends more is not it.
const most = 16 << 20

func (c *Client) call(ctx context.Context, call, method, path, key string, body []byte, want int, read func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// Without a connection nothing was asked, and nothing done.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	target := strings.TrimSuffix(c.base.String(), "/") + path
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return &Error{Call: call, Class: Refused, Err: err}
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}

	failed := &Error{Call: call, Class: Unknown, MayHaveHappened: true}
	w, err := c.http.Do(r)
	if err != nil {
		if !connected.Load() {
			failed.Class, failed.MayHaveHappened = unconnected(err), false
		}
		failed.Err = err
		return failed
	}
	defer w.Body.Close()
	failed.Status, failed.RetryAfter = w.StatusCode, retryAfter(w.Header)
	answer, err := io.ReadAll(io.LimitReader(w.Body, most))
	if w.StatusCode != want {
		if w.StatusCode < 200 || w.StatusCode > 299 {
			failed.Class, failed.MayHaveHappened = classify(w.StatusCode)
		}
		if w.StatusCode == http.StatusNotFound && isJSON(w.Header) {
			err = errNotFound // else it is some other server's page, which knows of nothing
		}
		failed.Err = errors.Join(fmt.Errorf("status %s: %s", w.Status, firstLine(answer)), err)
		return failed
	}
	if err == nil && read != nil {
		err = read(answer)
	}
	if err != nil {
		failed.Err = fmt.Errorf("status %s, but the answer makes no sense: %w", w.Status, err)
		return failed
	}
	return nil
}

var errNotFound = errors.New("there is nothing with this id")

func isJSON(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "application/json"
}

// firstLine keeps a page of HTML out of an error.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if len(line) > 200 {
		line = line[:200] + "..."
	}
	return strings.ToValidUTF8(line, "?")
}
