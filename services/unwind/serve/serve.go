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
}

// A Handler takes answers.
type Handler struct {
	log    events.Log
	config Config
	logger *slog.Logger
	places chan struct{}
	mux    http.ServeMux
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
	h := &Handler{log: log, config: c, logger: c.Logger, places: make(chan struct{}, crowd)}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	h.mux.HandleFunc("POST /v1/sagas/{type}/{id}/steps/{step}/answer", h.answer)
	return h, nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	said := &recorder{ResponseWriter: w, status: http.StatusOK}
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		r.Body = http.MaxBytesReader(said, r.Body, largest)
		h.mux.ServeHTTP(said, r.WithContext(ctx))
	default:
		complain(said, http.StatusServiceUnavailable, errors.New("too many ask at once"))
	}
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

// Run serves until ctx is done, and then waits for the requests under way.
func Run(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: patience + 15*time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
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
	tokens := []string{r.URL.Query().Get("token"), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
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
