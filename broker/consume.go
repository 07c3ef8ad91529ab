package broker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// Consume implements [events.Source]. It asks the broker for as many messages
// as handlers are free, so that no message waits here while another instance
// could work on it.
//
// A consumer that is removed meanwhile is made anew, with the same reach. When
// ctx is done, Consume gives back what nobody has begun to work on.
func (l *Log) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	c.Concurrency = max(c.Concurrency, 1)
	at, err := l.durable(ctx, c)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("consume as %q: %w", c.Name, explain(err))
	}
	p, err := l.newPull(at.stream, at.name)
	if err != nil {
		return fmt.Errorf("consume as %q: %w", c.Name, err)
	}
	defer p.close()
	if c.There != nil {
		c.There()
	}
	w := &work{
		l: l, c: c, at: at, pull: p, handle: handle,
		done: make(chan struct{}, c.Concurrency),
	}
	err = w.run(ctx)
	w.stop()
	if err != nil {
		return fmt.Errorf("consume as %q: %w", c.Name, err)
	}
	return nil
}

// work is one call of Consume. Its fields are run's alone, but for done.
type work struct {
	l      *Log
	c      events.Consumer
	at     durable
	pull   *pull
	handle func(context.Context, events.Delivery)

	running int
	done    chan struct{} // a handler has returned

	pause   backoff
	resume  time.Time // no request before
	suspect bool      // the consumer may be gone
	told    bool      // that it is
}

// run ends with ctx, or with an error when the connection is closed for good.
func (w *work) run(ctx context.Context) error {
	clock := time.NewTimer(0)
	defer clock.Stop()
	for {
		w.ask(ctx)
		clock.Reset(w.wake())
		select {
		case <-ctx.Done():
			return nil
		case <-w.done:
			w.running--
		case m := <-w.pull.msgs:
			w.take(ctx, m)
		case <-w.l.closed:
			return nats.ErrConnectionClosed
		case <-clock.C:
		}
		if w.pull.lost() {
			w.suspect = true // or the broker is slow; it costs one question to know
		}
	}
}

// wake is when there is something to do even if nothing comes.
func (w *work) wake() time.Duration {
	switch {
	case w.pull.left > 0:
		return time.Until(w.pull.ends)
	case w.running < w.c.Concurrency:
		return time.Until(w.resume)
	default:
		return time.Hour // a handler has to return first
	}
}

// ask makes a request if handlers are free and none stands. More that become
// free meanwhile wait for the next: it follows at once when this one is served.
func (w *work) ask(ctx context.Context) {
	free := w.c.Concurrency - w.running
	if free == 0 || w.pull.left > 0 || time.Now().Before(w.resume) || ctx.Err() != nil {
		return
	}
	if !w.l.nc.IsConnected() {
		// It would be sent when the connection is back, and so would all that
		// follow it.
		w.resume = time.Now().Add(w.pause.next())
		return
	}
	if w.suspect && w.check(ctx) != nil || w.pull.ask(free) != nil {
		w.resume = time.Now().Add(w.pause.next())
	}
}

// check makes sure that the consumer is there, for some patience.
func (w *work) check(ctx context.Context) error {
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at, err := w.l.durable(try, w.c)
	switch {
	case err == nil:
		if w.told || at.created != w.at.created {
			w.log("the consumer is served again", nil)
		}
		w.at, w.suspect, w.told, w.pause = at, false, false, backoff{}
	case ctx.Err() != nil:
	case !w.told && w.l.nc.IsConnected(): // else the connection has told
		w.told = true
		w.log("the consumer is not served, trying on", err)
	}
	return err
}

func (w *work) log(what string, err error) {
	args := []any{"stream", w.at.stream, "consumer", w.at.name}
	if err != nil {
		w.l.log.Warn(what, append(args, "error", err)...)
		return
	}
	w.l.log.Info(what, args...)
}

func (w *work) take(ctx context.Context, m *nats.Msg) {
	switch w.pull.hear(m) {
	case delivery:
		w.begin(ctx, m)
	case gone:
		w.suspect = true
		w.resume = time.Now().Add(w.pause.next())
	case busy:
		w.resume = time.Now().Add(w.pause.next())
	}
}

func (w *work) begin(ctx context.Context, m *nats.Msg) {
	d, err := w.l.read(m, w.at.created)
	if err != nil || w.running == w.c.Concurrency {
		_ = m.Respond(nak) // one too many: see [pull.hear]
		return
	}
	w.pause = backoff{}
	w.running++
	go func() {
		defer func() { w.done <- struct{}{} }()
		defer w.survive(d)
		w.handle(ctx, d)
	}()
}

// survive keeps a handler's panic to its message, which comes again when its
// lease runs out: not at once, for it may well panic again.
func (w *work) survive(d events.Delivery) {
	if why := recover(); why != nil {
		w.l.log.Error("a handler panicked, its message will come again",
			"consumer", w.at.name, "subject", d.Subject, "seq", d.Seq, "panic", why, "stack", string(debug.Stack()))
	}
}

// stop gives back what comes too late and waits for the handlers. What the
// broker sends between its last look and our silence, over more than one hop,
// may still be lost; it comes again after the lease.
func (w *work) stop() {
	w.pull.hush()
	silent, patience := w.pull.silent, time.NewTimer(2*time.Second)
	defer patience.Stop()
	for w.running > 0 || silent != nil {
		select {
		case <-w.done:
			w.running--
		case m := <-w.pull.msgs:
			if m.Reply != "" {
				_ = m.Respond(nak)
			}
		case <-silent:
			silent = nil
		case <-patience.C:
			silent = nil
		}
	}
	w.l.flush() // what the handlers said last is to be heard
}

var nak = []byte("-NAK")

var errLost = errors.New("a part of what the broker sent is lost")
