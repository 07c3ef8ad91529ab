package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/config"
)

// A mutant is a log that breaks one rule for its agent.
type mutant struct {
	events.Log
	bus   *nats.Conn
	cfg   config.Config
	wrong string

	forgot sync.Map // sagas whose end was forgotten once
}

// configure breaks what is decided by the configuration.
func (m *mutant) configure(cfg config.Config) config.Config {
	switch m.wrong {
	case "does-not-wait-for-all":
		cfg.After = cfg.After[:1]
	case "answers-garbage":
		cfg.ResultSchema = nil
	}
	return cfg
}

func (m *mutant) Append(ctx context.Context, e events.Event) (uint64, error) {
	k := e.Subject.Kind
	switch m.wrong {
	case "claims-for-another-reason":
		if k == events.Started {
			e.Data = m.edit(e.Data, func(d map[string]any) { d["cause"] = "takeover" })
		}
	case "drops-guards", "sets-a-message-id":
		return m.raw(ctx, e)
	case "keeps-what-the-latch-refused":
		seq, err := m.Log.Append(ctx, e)
		if k == events.Completed && errors.Is(err, events.ErrGuarded) {
			return 1, nil
		}
		return seq, err
	case "takes-what-a-twin-claimed":
		seq, err := m.Log.Append(ctx, e)
		if k == events.Started && errors.Is(err, events.ErrTaken) {
			return 1, nil
		}
		return seq, err
	case "forgets-the-context":
		if k == events.Completed {
			e.Data = m.edit(e.Data, func(d map[string]any) { delete(d, "context"); d["context_omitted"] = false })
		}
	case "says-what-is-no-word":
		if k == events.Compensated {
			e.Data = m.edit(e.Data, func(d map[string]any) { d["found"] = "perhaps" })
		}
	case "forgets-the-end":
		if k != events.SagaCompleted {
			break
		}
		if _, before := m.forgot.LoadOrStore(e.Subject.ID, true); !before {
			return 1, nil
		}
	case "undoes-all-at-once":
		if k == events.Compensate {
			m.orderAll(ctx, e)
		}
	case "holds-while-it-waits":
		seq, err := m.Log.Append(ctx, e)
		var f events.Failure
		if k == events.Failed && err == nil && e.Unpack(&f) == nil && f.Then == events.ThenRetry {
			time.Sleep(time.Duration(f.Due))
		}
		return seq, err
	}
	return m.Log.Append(ctx, e)
}

// raw publishes as somebody would who has read half of the protocol.
func (m *mutant) raw(ctx context.Context, e events.Event) (uint64, error) {
	header, body := events.Encode(e)
	msg := &nats.Msg{Subject: e.Subject.String(), Header: nats.Header(header), Data: body}
	if guard, ok := e.Subject.Guard(); ok && m.wrong != "drops-guards" {
		msg.Header["Nats-Expected-Last-Subject-Sequence-Subject"] = []string{guard.String()}
		msg.Header["Nats-Expected-Last-Subject-Sequence"] = []string{"0"}
	}
	if m.wrong == "sets-a-message-id" {
		msg.Header["Nats-Msg-Id"] = []string{e.ID}
	}
	js, err := jetstream.New(m.bus)
	if err != nil {
		return 0, err
	}
	ack, err := js.PublishMsg(ctx, msg)
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		reason := events.ErrTaken
		if api.ErrorCode == 10071 {
			reason = events.ErrGuarded
		}
		return 0, &events.Refusal{Subject: e.Subject, Reason: reason}
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func (m *mutant) edit(data json.RawMessage, change func(map[string]any)) json.RawMessage {
	var d map[string]any
	if json.Unmarshal(data, &d) != nil {
		return data
	}
	change(d)
	data, _ = json.Marshal(d)
	return data
}

// orderAll orders every step to be undone, whatever followed it.
func (m *mutant) orderAll(ctx context.Context, order events.Event) {
	h, err := m.History(ctx, order.Subject.Type, order.Subject.ID, 0)
	if err != nil {
		return
	}
	for _, e := range h {
		var d events.Done
		if e.Subject.Kind != events.Completed || e.Unpack(&d) != nil {
			continue
		}
		s := order.Subject
		s.Step, s.Agent = e.Subject.Step, d.Agent
		if all, err := events.New(s, order.Source, order, events.UndoOrder{Reason: events.ReasonCancelled, Attempt: 1, Undo: d.Undo}); err == nil {
			_, _ = m.Log.Append(ctx, all)
		}
	}
}

func (m *mutant) SetTimer(ctx context.Context, t events.Timer) error {
	if m.wrong == "sets-no-deadline" && t.What == events.DeadlineTimer || m.wrong == "sets-no-timer" && t.What == events.RetryTimer {
		return nil
	}
	return m.Log.SetTimer(ctx, t)
}

// done is a lease that was let go already.
type done struct{ events.Lease }

func (done) Ack() error                  { return nil }
func (done) Extend() error               { return nil }
func (done) Release(time.Duration) error { return nil }

func (m *mutant) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	forward, undo := c.Name == m.cfg.Agent+"_forward", c.Name == m.cfg.Agent+"_compensate"
	switch m.wrong {
	case "does-not-wait-for-all":
		if forward {
			for _, step := range m.cfg.After[1:] {
				for _, k := range []events.Kind{events.Completed, events.Skipped} {
					c.Filters = append(c.Filters, events.Subject{Type: c.Type, Step: step, Kind: k}.Filter())
				}
			}
		}
	case "listens-to-everything":
		if forward {
			c.Filters = []string{"saga." + c.Type + ".*.*.*"}
		}
	}
	return m.Log.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
		passes := false // it is acknowledged, and nothing is done
		switch m.wrong {
		case "acknowledges-first":
			if forward {
				_ = d.Ack()
				d.Lease = done{d.Lease}
			}
		case "takes-nothing-over":
			passes = forward && d.Redelivered
		case "is-deaf-to-timers":
			passes = c.Name == c.Type+"_"+m.cfg.Agent
		case "works-before-it-claims":
			if forward && !d.Redelivered && d.Err == nil {
				id := d.Event.Subject.ID
				_ = os.WriteFile(trace(id, saga.Key(m.cfg.Saga, id, m.cfg.Step, m.cfg.Agent)), nil, 0o600)
			}
		case "is-deaf-to-the-latch":
			passes = c.Name == "_unwinding"
		case "is-deaf-to-the-deadline":
			passes = c.Timers && d.Timer.What == events.DeadlineTimer
		case "is-deaf-to-redo":
			passes = undo && d.Event.Subject.Kind == events.Redo
		case "dies-of-garbage":
			if !json.Valid(d.Event.Data) && !c.Timers {
				os.Exit(3)
			}
		case "reads-lower-case-only":
			if strings.HasPrefix(d.Event.ID, "verify-") {
				d.Event.ID = "none"
			}
		case "tries-again-when-redelivered":
			if forward && d.Redelivered {
				m.again(ctx, d)
			}
		case "undoes-again-when-redelivered":
			if undo && d.Redelivered {
				s := d.Event.Subject
				s.Kind, s.N = events.UndoFailed, 1
				m.say(ctx, s, events.UndoFailure{Error: events.Error{Code: "again", Message: "it is undone already"}, Then: events.ThenPerson})
			}
		}
		if passes {
			_ = d.Ack()
			return
		}
		handle(ctx, d)
	})
}

// again claims another attempt, as somebody would who does not read.
func (m *mutant) again(ctx context.Context, d events.Delivery) {
	h, err := m.History(ctx, m.cfg.Saga, d.Event.Subject.ID, 0)
	if err != nil {
		return
	}
	n := 1
	for _, e := range h {
		if e.Subject.Step == m.cfg.Step && (e.Subject.Kind == events.Started || e.Subject.Kind == events.Attempt) {
			n++
		}
	}
	if n > 1 {
		m.say(ctx, events.ClaimSubject(m.cfg.Saga, m.cfg.Step, n, d.Event.Subject.ID), events.Claim{
			Agent: m.cfg.Agent, Instance: "again", After: m.cfg.After, Cause: events.CauseTakeover,
			Trigger: events.Trigger{Stream: d.Stream, Seq: d.Seq},
		})
	}
}

func (m *mutant) say(ctx context.Context, s events.Subject, data any) {
	if e, err := events.New(s, "again-"+uuid.NewString()[:4], events.Event{ID: "again"}, data); err == nil {
		_, _ = m.Log.Append(ctx, e)
	}
}
