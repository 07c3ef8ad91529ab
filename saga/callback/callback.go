// Package callback makes the URLs under which somebody outside tells how a step
// ended, and checks them.
//
// A handler that hands its work to a provider gives it such a URL, and answers
// that it is pending:
//
//	desk, err := callback.FromEnv() // UNWIND_CALLBACK_URL, UNWIND_CALLBACK_SECRET
//	...
//	url := desk.URL(t.Type, t.ID, t.Step, t.Attempt)
//	err := provider.Scan(ctx, document, url)
//	return agent.Result{Pending: &agent.Pending{For: "the scanner's callback"}}, err
//
// The provider posts to it {"outcome": "completed", "data": {...}}, as `unwind
// serve` takes it. The URL is good for this one question: it holds a token, a MAC
// over the saga, the step and the attempt. Whoever has it can answer this
// attempt, and nothing else; it never expires, but an answer that nobody waits
// for has no effect but to be undone.
//
// The package knows neither HTTP servers nor sagas: it is shared by those who
// make the URLs and those who check them.
package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// The environment that an agent and the server share.
const (
	EnvURL    = "UNWIND_CALLBACK_URL"    // where `unwind serve` is reached from outside: https://saga.example.org
	EnvSecret = "UNWIND_CALLBACK_SECRET" // at least 16 bytes, the same for agents and server
)

// least is how short a secret may be.
const least = 16

// A Desk is where answers are taken: its address, and the secret with which
// tokens are made.
type Desk struct {
	base   string
	secret []byte
}

// New makes a desk. A secret that could be guessed is refused.
func New(base string, secret []byte) (*Desk, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("callback URL %q: want http(s)://host", base)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("callback URL of %s: want no query, fragment or password", u.Host)
	}
	if err := Strong(secret); err != nil {
		return nil, err
	}
	return &Desk{strings.TrimSuffix(base, "/"), secret}, nil
}

// Strong says whether a secret may be used.
func Strong(secret []byte) error {
	if len(secret) < least {
		return fmt.Errorf("the callback secret has %d bytes, at least %d are needed\nhint: openssl rand -hex 32", len(secret), least)
	}
	return nil
}

// FromEnv makes a desk of the environment.
func FromEnv() (*Desk, error) {
	base, secret := os.Getenv(EnvURL), os.Getenv(EnvSecret)
	if base == "" || secret == "" {
		return nil, errors.New("callbacks: " + EnvURL + " and " + EnvSecret + " are not both set")
	}
	return New(base, []byte(secret))
}

// URL is where an attempt's outcome is to be posted.
func (d *Desk) URL(typ, id, step string, attempt int) string {
	q := url.Values{"attempt": {strconv.Itoa(attempt)}, "token": {Token(d.secret, typ, id, step, attempt)}}
	return d.base + Path(typ, id, step) + "?" + q.Encode()
}

// Path is the path of an answer to a step.
func Path(typ, id, step string) string {
	return fmt.Sprintf("/v1/sagas/%s/%s/steps/%s/answer", url.PathEscape(typ), url.PathEscape(id), url.PathEscape(step))
}

// Token is the proof that an attempt may be answered. No name contains a NUL, so
// no two questions have one text.
func Token(secret []byte, typ, id, step string, attempt int) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(strings.Join([]string{"unwind answer 1", typ, id, step, strconv.Itoa(attempt)}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Valid reports whether a token is that of an attempt, in a time that does not
// tell how much of it is right.
func Valid(secret []byte, token, typ, id, step string, attempt int) bool {
	return hmac.Equal([]byte(token), []byte(Token(secret, typ, id, step, attempt)))
}
