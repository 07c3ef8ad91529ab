package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/drill"
)

// A bench is what an agent is tried on: the broker, the gate, the world, and the
// agent's process.
type bench struct {
	cfg     config.Config
	subject Subject
	config  Config
	folder  string
	program dev.Program // built
	env     []string

	server *broker.Server // nil when another broker is used
	log    *broker.Log
	js     jetstream.JetStream
	gate   *gate     // nil when another broker is used
	crew   *dev.Crew // nil when the agent was started elsewhere
	world  *drill.World
	first  json.RawMessage // the world's task

	sagas   int
	strange map[uint64]bool   // sequences of what the verifier wrote as a stranger
	sent    map[string]uint64 // by consumer: the last message that it must have been given
	scenes  []*scene          // all so far
	kept    int               // of how many of them it was kept what the agent wrote
	wrote   []record
}

// as is who writes what the verifier plays.
const as = "unwind-verify"

func (b *bench) open(ctx context.Context) (err error) {
	if b.folder, err = os.MkdirTemp("", "unwind-verify-"); err != nil {
		return err
	}
	if err := b.openWorld(ctx); err != nil {
		return err
	}
	if err := b.openBroker(ctx); err != nil {
		return err
	}
	if b.js, err = jetstream.New(b.log.Conn()); err != nil {
		return err
	}
	if err := b.log.Ensure(ctx, b.cfg.Saga); err != nil {
		return err
	}
	if err := b.alone(ctx); err != nil {
		return err
	}
	return b.start(ctx)
}

func (b *bench) openBroker(ctx context.Context) (err error) {
	quiet := slog.New(slog.DiscardHandler)
	if b.config.Connect != nil {
		b.log, err = b.config.Connect(ctx)
		return err
	}
	b.server, err = broker.Embed(ctx, filepath.Join(b.folder, "broker"), broker.ServerConfig{Logger: quiet})
	if err != nil {
		return err
	}
	if b.log, err = broker.Connect(ctx, broker.Config{InProcess: b.server, Name: as, Logger: quiet}); err != nil {
		return err
	}
	b.gate, err = openGate(b.server.ClientURL(), b.config.Port)
	return err
}

// alone refuses a broker at which other agents of the saga type are at home: they
// would play along.
func (b *bench) alone(ctx context.Context) error {
	var others []string
	stream, err := b.js.Stream(ctx, "SAGA_"+b.cfg.Saga)
	if err != nil {
		return err
	}
	names := stream.ConsumerNames(ctx)
	for name := range names.Name() {
		if name != "_unwinding" && name != b.cfg.Agent+"_forward" && name != b.cfg.Agent+"_compensate" {
			others = append(others, name)
		}
	}
	if err := names.Err(); err != nil {
		return err
	}
	if len(others) > 0 {
		return fmt.Errorf("verify agent %q: other agents of saga type %q are at home on this broker (%s), and would play along\nhint: leave --server out, and it is tried on a broker of its own", b.cfg.Agent, b.cfg.Saga, others[0])
	}
	return nil
}

// start starts the agent, or waits for the one that is started elsewhere.
func (b *bench) start(ctx context.Context) (err error) {
	if b.config.Attach {
		if b.gate != nil {
			b.config.say("start the agent with NATS_URL=%s", b.gate.URL())
		}
		return b.attached(ctx)
	}
	b.config.say("starting %s", b.cfg.Agent)
	programs, err := dev.Build(ctx, filepath.Join(b.folder, "bin"), []dev.Program{b.subject.Program})
	if err != nil {
		return err
	}
	b.program = programs[0]
	if b.crew, err = b.process(ctx); err != nil {
		return err
	}
	return b.ready(ctx, b.crew)
}

// process starts one process of the agent, and keeps it alive.
func (b *bench) process(ctx context.Context) (*dev.Crew, error) {
	at := b.log.Conn().ConnectedUrl()
	if b.server != nil {
		at = b.server.ClientURL()
	}
	env, err := b.subject.Case.env(b.folder)
	if err != nil {
		return nil, err
	}
	env = append(env, b.env...)
	if b.gate != nil {
		env = append(env, "NATS_URL="+b.gate.URL(), "NATS_CONTEXT=")
	}
	return dev.Start(ctx, dev.Config{
		URL: at, Store: filepath.Join(b.folder, "crew"), Unwind: b.config.Unwind, Env: env,
		FirstDelay: 20 * time.Millisecond, Grace: 2 * time.Second, Output: b.config.output(),
	}, []dev.Program{b.program})
}

func (b *bench) ready(ctx context.Context, c *dev.Crew) error {
	ctx, cancel := context.WithTimeout(ctx, b.config.Start)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		return fmt.Errorf("%w\nhint: --show-output shows it; a compatible agent has pull consumers %s_forward and %s_compensate", err, b.cfg.Agent, b.cfg.Agent)
	}
	return nil
}

// attached waits until an agent that was started elsewhere asks for work.
func (b *bench) attached(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(b.config.Start, 5*time.Minute))
	defer cancel()
	for {
		c, err := b.js.Consumer(ctx, "SAGA_"+b.cfg.Saga, b.cfg.Agent+"_forward")
		if err == nil && c.CachedInfo().NumWaiting > 0 {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("wait for agent %q: %w\nhint: it must ask for work at its consumer %s_forward", b.cfg.Agent, err, b.cfg.Agent)
		}
	}
}

func (b *bench) close() error {
	var err error
	if b.crew != nil {
		b.crew.Stop()
	}
	if b.gate != nil {
		b.gate.close()
	}
	if b.log != nil {
		b.log.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
	}
	if b.world != nil {
		err = b.world.Close()
	}
	return errors.Join(err, os.RemoveAll(b.folder))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// A listener is one of the five consumers of an agent.
type listener struct {
	stream, name string
	filters      []string
	purpose      string
}

// listeners tells which consumers an agent has.
func (b *bench) listeners() []listener {
	typ, step, me := b.cfg.Saga, b.cfg.Step, b.cfg.Agent
	of := func(k events.Kind, step, agent string, n int) string {
		return events.Subject{Type: typ, Step: step, Kind: k, Agent: agent, N: n}.Filter()
	}
	forward := []string{of(events.Fallback, step, me, 0)}
	if b.cfg.Entry() {
		forward = append(forward, of(events.Submitted, "", "", 0))
	}
	if !b.cfg.StandIn {
		for _, before := range b.cfg.After {
			forward = append(forward, of(events.Completed, before, "", 0), of(events.Skipped, before, "", 0))
		}
	}
	undo := []string{of(events.Compensate, step, me, 0)}
	for n := range events.MaxAnswer {
		undo = append(undo, of(events.Answered, step, "", n+1))
	}
	for n := range events.MaxRedo {
		undo = append(undo, of(events.Redo, step, me, n+1))
	}
	return []listener{
		{"SAGA_" + typ, me + "_forward", forward, "its work"},
		{"SAGA_" + typ, me + "_compensate", undo, "orders to undo, and answers"},
		{"SAGA_" + typ, "_unwinding", []string{events.LatchSubject(typ, "*").String()}, "the latch, shared by all agents"},
		{"TIMERS", typ + "_" + me, []string{events.TimersOf(typ, me)}, "its timers"},
		{"TIMERS", typ + "_", []string{events.TimersOf(typ, events.Everyone)}, "the saga's timers, shared by all agents"},
	}
}

// standing reports whether the agent acknowledged all that came to it, and how
// much that was. A consumer that is missing has nothing.
//
// The broker tells its consumers of a message a moment after it was stored. So
// what is known to be in a stream must have been given to whoever listens to it.
func (b *bench) standing(ctx context.Context) (settled bool, given uint64, err error) {
	for _, l := range b.listeners() {
		c, err := b.js.Consumer(ctx, l.stream, l.name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue
		}
		if err != nil {
			return false, 0, err
		}
		info := c.CachedInfo()
		if info.NumAckPending > 0 || info.NumPending > 0 || info.Delivered.Stream < b.sent[l.name] {
			return false, 0, nil
		}
		given += info.Delivered.Consumer
	}
	return true, given, nil
}

// settled reports whether the agent acknowledged all that came to it: whether it
// has, twice in a row, with nothing in between. Consumers are looked at one after
// the other, and work wanders from one to another.
func (b *bench) settled(ctx context.Context) (bool, error) {
	settled, before, err := b.standing(ctx)
	if err != nil || !settled {
		return false, err
	}
	settled, after, err := b.standing(ctx)
	return settled && before == after, err
}

// note remembers what is in a stream, so that it is waited for.
func (b *bench) note(stream, subject string, seq uint64) {
	for _, l := range b.listeners() {
		if l.stream == stream && slices.ContainsFunc(l.filters, func(f string) bool { return matches(f, subject) }) {
			b.sent[l.name] = max(b.sent[l.name], seq)
		}
	}
}

// matches reports whether a subject passes a filter, whose only wildcard is *.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	if len(f) != len(s) {
		return false
	}
	for i := range f {
		if f[i] != "*" && f[i] != s[i] {
			return false
		}
	}
	return true
}

// publish writes to the broker as a stranger would: with no guard, and whatever
// headers.
func (b *bench) publish(ctx context.Context, subject string, header nats.Header, body []byte) (uint64, error) {
	ack, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: body})
	if err != nil {
		return 0, fmt.Errorf("publish %s: %w", subject, err)
	}
	b.note(ack.Stream, subject, ack.Sequence)
	if ack.Stream != "TIMERS" {
		b.strange[ack.Sequence] = true
	}
	return ack.Sequence, nil
}

// ring makes the clock strike: a timer of a saga comes due now.
func (b *bench) ring(ctx context.Context, t events.Timer) error {
	_, err := b.publish(ctx, t.Fired(), nats.Header{}, t.Body())
	return err
}

// stored reads a message as it stands in the stream, with all its headers.
func (b *bench) stored(ctx context.Context, stream string, seq uint64) (*jetstream.RawStreamMsg, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.GetMsg(ctx, seq)
}

// deaths counts how often the agent's process ended.
func (b *bench) deaths() int {
	n := 0
	if b.crew != nil {
		for _, p := range b.crew.Processes() {
			n += p.Deaths
		}
	}
	return n
}

// kill ends the agent by SIGKILL, and waits until another process listens.
func (b *bench) kill(ctx context.Context, before func()) error {
	if err := b.crew.Park(b.cfg.Agent); err != nil {
		return err
	}
	before()
	if err := b.crew.Unpark(b.cfg.Agent); err != nil {
		return err
	}
	return b.ready(ctx, b.crew)
}

func (c Config) output() io.Writer {
	if c.Output == nil {
		return io.Discard
	}
	return c.Output
}
