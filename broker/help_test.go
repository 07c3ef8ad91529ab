package broker_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

const typ = "kyc"

func ensure(t testing.TB, log events.Log) {
	t.Helper()
	if err := log.Ensure(t.Context(), typ); err != nil {
		t.Fatal(err)
	}
}

func newEvent(t testing.TB, s events.Subject) events.Event {
	t.Helper()
	e, err := events.New(s, "test", events.Event{}, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func write(t testing.TB, log events.Log, s events.Subject) uint64 {
	t.Helper()
	seq, err := log.Append(t.Context(), newEvent(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func task(id string) events.Subject { return events.TaskSubject(typ, id) }

func started(id string) events.Subject { return events.ClaimSubject(typ, "check", 1, id) }

// consume runs a consumer until the test ends or it is stopped.
func consume(t testing.TB, log events.Log, c events.Consumer, handle func(context.Context, events.Delivery)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- log.Consume(ctx, c, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consume: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// tasks is a consumer of all tasks.
func tasks(name string) events.Consumer {
	return events.Consumer{Name: name, Type: typ, Filters: []string{task("x").Filter()}}
}

// acked acknowledges what it passes on.
func acked(t testing.TB, to chan<- events.Delivery) func(context.Context, events.Delivery) {
	return func(_ context.Context, d events.Delivery) {
		if err := d.Ack(); err != nil {
			t.Errorf("acknowledge: %v", err)
		}
		to <- d
	}
}

func await[T any](t testing.TB, from <-chan T, within time.Duration, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(within):
		t.Fatalf("no %s within %v", what, within)
		panic("unreachable")
	}
}

// A journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) count(what string) int { return strings.Count(j.String(), what) }

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// A tamperer spoils what goes between a client and an embedded server. What it
// puts in is as long as what it takes out.
type tamperer struct {
	nats.InProcessConnProvider
	said, heard spoiler // by the client
}

func (t *tamperer) InProcessConn() (net.Conn, error) {
	c, err := t.InProcessConnProvider.InProcessConn()
	return tampered{c, t}, err
}

type tampered struct {
	net.Conn
	by *tamperer
}

func (c tampered) Write(p []byte) (int, error) { return c.Conn.Write(c.by.said.apply(p)) }

func (c tampered) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	copy(p[:n], c.by.heard.apply(p[:n]))
	return n, err
}

// A spoiler replaces the next matches. Each line of the protocol that matters
// here is written in one piece.
type spoiler struct {
	mu    sync.Mutex
	what  *regexp.Regexp
	with  string
	times int
}

func (s *spoiler) spoil(times int, what, with string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what, s.with, s.times = regexp.MustCompile(what), with, times
}

func (s *spoiler) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times
}

func (s *spoiler) apply(p []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == 0 {
		return p
	}
	return s.what.ReplaceAllFunc(p, func(found []byte) []byte {
		if s.times == 0 {
			return found
		}
		s.times--
		return s.what.ReplaceAll(found, []byte(s.with))
	})
}
