package agent_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a log in virtual time, and the agents that run on it.
type world struct {
	*testing.T
	log   *eventtest.Log
	began time.Time
}

func bubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		t.Cleanup(log.Close)
		require.NoError(t, log.Ensure(t.Context(), "trip"))
		test(&world{t, log, time.Now()})
	})
}

// A process is one instance of an agent.
type process struct {
	*eventtest.Faulty
	name string
	stop context.CancelFunc // as SIGTERM does
	done chan struct{}      // closed when Run has returned
	err  error              // what it returned
	logs *logs
}

// logs may be written and read at once.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs an agent of sagas of the type trip.
func (w *world) start(cfg config.Config, h agent.Handler, options ...agent.Options) *process {
	ctx, cancel := context.WithCancel(w.Context())
	p := &process{name: cfg.Agent, Faulty: eventtest.NewFaulty(w.log, eventtest.Faults{}), stop: cancel, done: make(chan struct{}), logs: &logs{}}
	var o agent.Options
	if len(options) > 0 {
		o = options[0]
	}
	o.Random = func() float64 { return 0 }
	o.Logger = logger(io.MultiWriter(p.logs, w.Output()))
	cfg.Saga = "trip"
	go func() {
		defer close(p.done)
		p.err = o.Run(ctx, p, cfg, h)
	}()
	w.Cleanup(func() { p.Kill(); p.stop(); <-p.done })
	return p
}

func logger(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

// end stops a process and waits for it.
func (p *process) end() error {
	p.stop()
	<-p.done
	return p.err
}

// sleep lets virtual time pass, and everything come to rest.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) submit(id, body string) {
	w.Helper()
	require.NoError(w, w.log.PublishRaw(w.Context(), events.TaskSubject("trip", id).String(), nil, []byte(body)))
}

func (w *world) events(id string) []events.Event {
	w.Helper()
	list, err := w.log.History(w.Context(), "trip", id, 0)
	require.NoError(w, err)
	return list
}

// say appends an event, as a person or another agent does.
func (w *world) say(at events.Subject, data any) {
	w.Helper()
	e, err := events.New(at, "test", events.Event{}, data)
	require.NoError(w, err)
	_, err = w.log.Append(w.Context(), e)
	require.NoError(w, err)
}

// history tells a saga as words: "seat.started@0s".
func (w *world) history(id string) (list []string) {
	w.Helper()
	for _, e := range w.events(id) {
		list = append(list, fmt.Sprintf("%s.%s@%s", cmp.Or(e.Subject.Step, strings.Split(e.Subject.String(), ".")[2]), e.Subject.Event(), e.Time.Sub(w.began)))
	}
	return list
}

// find decodes the data of the event that a saga has at a step.
func find[T any](w *world, id, step, event string) (data T, at time.Duration) {
	w.Helper()
	for _, e := range w.events(id) {
		if e.Subject.Step == step && e.Subject.Event() == event {
			require.NoError(w, e.Unpack(&data))
			return data, e.Time.Sub(w.began)
		}
	}
	w.Fatalf("no %s.%s in %v", step, event, w.history(id))
	return data, 0
}

func (w *world) status(id string) saga.Status {
	w.Helper()
	s, err := saga.Fold(w.events(id))
	require.NoError(w, err)
	return s.Status()
}

// idle asserts that nothing happens any more.
func (w *world) idle(id string, d time.Duration) {
	w.Helper()
	before := w.history(id)
	w.sleep(d)
	assert.Equal(w, before, w.history(id))
}

// once never tries again.
var once = config.RetryPolicy{BaseDelay: time.Second, MaxDelay: time.Second, Multiplier: 1}.Exactly()

// every tries n times more, a second apart.
func every(n int) config.RetryPolicy {
	p := once
	p.MaxRetries = n
	return p.Exactly()
}

// seat is an entry step that is also the final one.
var seat = config.Config{Agent: "seat", Final: true, RetryPolicy: once, CompensationRetryPolicy: once, CompensationHandler: config.NoCompensation}

var errOops = errors.New("oops")

// does performs with a function that needs nothing of its task.
func does(f func(ctx context.Context) (agent.Result, error)) agent.Handler {
	return agent.Handler{Perform: func(ctx context.Context, _ agent.Task) (agent.Result, error) { return f(ctx) }}
}

// takes performs for a while, unless its context ends.
func takes(d time.Duration) agent.Handler {
	return does(func(ctx context.Context) (agent.Result, error) {
		select {
		case <-time.After(d):
			return agent.Result{Data: "done"}, nil
		case <-ctx.Done():
			return agent.Result{}, ctx.Err()
		}
	})
}
