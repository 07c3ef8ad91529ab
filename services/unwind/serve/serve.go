package serve

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/callback"
)

const (
	largest  = events.MaxPayload + 64<<10 // of a body
	patience = 10 * time.Second           // with the broker
	crowd    = 64                         // requests at a time
)

// A Config says who may. One of the two must be given.
type Config struct {
	Secret []byte // of the tokens of package callback
	Bearer string // a token that is good for all
	Logger *slog.Logger

	// Accept says what is wrong with a task, before it is submitted; nil accepts all.
	// What it lets through may still be rejected by the agents.
	Accept func(ctx context.Context, typ string, task []byte) error
}

// A Handler takes tasks and answers, and tells sagas.
type Handler struct {
	log     events.Log
	config  Config
	logger  *slog.Logger
	places  chan struct{}
	seats   chan struct{} // of those who listen
	closing chan struct{}
	mux     http.ServeMux
}

// New makes a handler. Secrets that could be guessed are refused.
func New(log events.Log, c Config) (*Handler, error) {
	if len(c.Secret) == 0 && c.Bearer == "" {
		return nil, errors.New("neither a callback secret nor a bearer token is given: nobody could answer")
	}
	if len(c.Secret) > 0 {
		if err := callback.Strong(c.Secret); err != nil {
			return nil, err
		}
	}
	if n := len(c.Bearer); n > 0 && n < 16 {
		return nil, fmt.Errorf("the bearer token has %d bytes, at least 16 are needed\nhint: openssl rand -hex 32", n)
	}
	h := &Handler{
		log: log, config: c, logger: c.Logger, closing: make(chan struct{}),
		places: make(chan struct{}, crowd), seats: make(chan struct{}, audience),
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	ask := func(pattern string, serve http.HandlerFunc) { h.mux.HandleFunc(pattern, h.soon(h.own(serve))) }
	ask("POST /v1/sagas/{type}", h.submit)
	ask("GET /v1/sagas/{type}/{id}", h.show)
	ask("POST /v1/sagas/{type}/{id}/cancel", h.cancel)
	h.mux.HandleFunc("GET /v1/sagas/{type}/{id}/events", h.own(h.seated(h.stream)))
	h.mux.HandleFunc("POST /v1/sagas/{type}/{id}/steps/{step}/answer", h.soon(h.answer))
	return h, nil
}

// soon bounds a request that only asks: how many there are, and how long they take.
func (h *Handler) soon(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.within(h.places, w, func() {
			ctx, cancel := context.WithTimeout(r.Context(), patience)
			defer cancel()
			serve(w, r.WithContext(ctx))
		})
	}
}

// seated bounds those who listen.
func (h *Handler) seated(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.within(h.seats, w, func() { serve(w, r) })
	}
}

func (h *Handler) within(places chan struct{}, w http.ResponseWriter, serve func()) {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		serve()
	default:
		complain(w, http.StatusServiceUnavailable, errors.New("too many ask at once"))
	}
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	said := &recorder{ResponseWriter: w, status: http.StatusOK}
	r.Body = http.MaxBytesReader(said, r.Body, largest)
	h.mux.ServeHTTP(said, r)
	// The path has no secret, the query may.
	h.logger.Info("asked", "method", r.Method, "path", r.URL.Path, "status", said.status, "took", time.Since(began).Round(time.Millisecond))
}

// A recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Run serves until ctx is done, and then waits for the requests under way; those who
// listen are told to come back.
func (h *Handler) Run(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: patience + 15*time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	s.RegisterOnShutdown(func() { close(h.closing) })
	stopped := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-done:
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		stopped <- s.Shutdown(last)
	}()
	err := s.Serve(l)
	close(done)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, <-stopped)
}

// may reports whether a request may answer, and which attempt: 0 is any.
func (h *Handler) may(r *http.Request, typ, id, step string) (attempt int, ok bool) {
	tokens := []string{r.URL.Query().Get("token"), bearer(r)}
	if text := r.URL.Query().Get("attempt"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > events.MaxAttempt {
			return 0, false
		}
		attempt = n
	}
	return attempt, slices.ContainsFunc(tokens, func(token string) bool {
		switch {
		case token == "":
			return false
		case h.config.Bearer != "" && same(token, h.config.Bearer):
			return true
		default:
			return attempt > 0 && len(h.config.Secret) > 0 && callback.Valid(h.config.Secret, token, typ, id, step, attempt)
		}
	})
}

// same compares in a time that tells nothing, not even the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// complain says what is wrong, and what to do about it.
func complain(w http.ResponseWriter, status int, err error) {
	text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="unwind"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	}
	tell(w, status, struct {
		Error string `json:"error"`
		Hint  string `json:"hint,omitempty"`
	}{text, hint})
}

func tell(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked is gone
}
