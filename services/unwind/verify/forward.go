package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/events"
)

// forward are the checks of the way forward.
var forward = []Check{
	{
		Name: "consumers", Rule: "DESIGN, On the wire (consumers)",
		Text: "five durable consumers with explicit acknowledgement and no limit on deliveries, with the filters of its place",
		run:  consumers,
	},
	{
		Name: "claim", Rule: "saga/doc.go, Forward 1",
		Text: "it claims the step before it works: who, after what, because of which message, and why",
		run:  claims,
	},
	{
		Name: "claims-first", Rule: "saga/doc.go, Forward 1", asks: gated | effects,
		Text: "while its claim is on its way, it has not worked",
		run:  claimsFirst,
	},
	{
		Name: "deadline-timer", Rule: "saga/doc.go, Forward", asks: entry,
		Text: "the entry step sets the timer of the saga's deadline",
		run:  deadlineTimer,
	},
	{
		Name: "completed", Rule: "saga/doc.go, Forward 3; DESIGN, On the wire",
		Text: "completed says who did it, in which attempt, after what, and carries the context on",
		run:  completes,
	},
	{
		Name: "result-schema", Rule: "DESIGN, On the wire", asks: schema,
		Text: "a result fits the agent's result_schema",
		run:  resultFits,
	},
	{
		Name: "end", Rule: "saga/doc.go, Forward 4; I1",
		Text: "the final step, and no other, ends the saga, with each step's result",
		run:  ends,
	},
	{
		Name: "acknowledges-last", Rule: "saga/doc.go, Forward 5; I4", asks: gated | direct,
		Text: "a message is acknowledged only when all that it asks for is written",
		run:  acknowledgesLast,
	},
	{
		Name: "join", Rule: "saga/doc.go, Forward", asks: joins,
		Text: "it waits until all steps that it follows are done, and claims once when two come at the same moment",
		run:  join,
	},
	{
		Name: "redelivered", Rule: "saga/doc.go, Forward", asks: gated,
		Text: "a message that comes again after all is written is acknowledged, and nothing new is written",
		run:  redelivered,
	},
	{
		Name: "twin-claimed", Rule: "saga/doc.go, Forward", asks: gated,
		Text: "a step that another message claimed is in good hands: it is left alone",
		run:  twinClaimed,
	},
	{
		Name: "retry-timer", Rule: "DESIGN, On the wire (timers)", asks: gated,
		Text: "its timer makes the next attempt, and a timer that was answered makes none",
		run:  retryTimer,
	},
}

func consumers(ctx context.Context, b *bench) error {
	for _, l := range b.listeners() {
		c, err := b.js.Consumer(ctx, l.stream, l.name)
		if err != nil {
			return wrong(fmt.Sprintf("a consumer %s of %s, for %s", l.name, l.stream, l.purpose), err.Error())
		}
		have := c.CachedInfo().Config
		filters := slices.Clone(have.FilterSubjects)
		if have.FilterSubject != "" {
			filters = append(filters, have.FilterSubject)
		}
		for _, want := range l.filters {
			if !slices.Contains(filters, want) {
				return wrong("consumer "+l.name+" with the filter "+want, strings.Join(filters, ", "))
			}
		}
		for _, have := range filters {
			if !slices.Contains(l.filters, have) {
				return wrong("consumer "+l.name+" with no filter but "+strings.Join(l.filters, ", "), have)
			}
		}
		switch {
		case have.Durable != l.name:
			return wrong("consumer "+l.name+" to be durable", "it is not")
		case have.AckPolicy != jetstream.AckExplicitPolicy:
			return wrong("consumer "+l.name+" with explicit acknowledgement", have.AckPolicy.String())
		case have.MaxDeliver > 0:
			return wrong("consumer "+l.name+" with deliveries without limit", fmt.Sprintf("max_deliver %d", have.MaxDeliver))
		case have.DeliverPolicy != jetstream.DeliverAllPolicy && have.DeliverPolicy != jetstream.DeliverByStartTimePolicy:
			return wrong("consumer "+l.name+" to begin with what is there", have.DeliverPolicy.String())
		}
	}
	return nil
}

// goes plays a saga forward until the agent has done its part.
func (b *bench) goes(ctx context.Context) (s *scene, asked events.Event, done *events.Event, h history, err error) {
	s = b.scene(b.subject.Case.Completes)
	if asked, err = s.ask(ctx); err != nil {
		return s, asked, nil, nil, err
	}
	done, _, err = s.until(ctx, s.slot(events.Completed, 0))
	if err != nil {
		return s, asked, nil, nil, err
	}
	h, err = s.rest(ctx)
	return s, asked, done, h, err
}

func claims(ctx context.Context, b *bench) error {
	s, asked, done, h, err := b.goes(ctx)
	if err != nil {
		return err
	}
	claim := h.find(s.claimSlot(s.n))
	if claim == nil {
		return wrong(s.claimSlot(s.n).Event()+" before completed", "no claim")
	}
	if n := len(h.claims(b.cfg.Step)); n != s.n {
		return wrong("one claim by the agent", fmt.Sprintf("%d", n-s.n+1))
	}
	c, err := unpack[events.Claim](claim)
	if err != nil {
		return err
	}
	cause := map[bool]events.Cause{true: events.CauseTask, false: events.CauseStep}[b.cfg.Entry()]
	after := b.cfg.After
	if b.cfg.StandIn {
		cause, after = events.CauseFallback, s.early()
	}
	return first(
		ensure(claim.Seq < done.Seq, "the claim before completed", "completed at %d, the claim at %d", done.Seq, claim.Seq),
		ensure(c.Agent == b.cfg.Agent, "agent "+b.cfg.Agent, "%q", c.Agent),
		ensure(c.Instance != "", "instance, the name of the process", "it is empty"),
		ensure(alike(c.After, after), fmt.Sprintf("after %q", after), "%q", c.After),
		ensure(c.Trigger == s.trigger(asked) || len(b.cfg.After) > 1 && c.Trigger.Stream == "SAGA_"+b.cfg.Saga, fmt.Sprintf("trigger %v, the message that asked", s.trigger(asked)), "%v", c.Trigger),
		ensure(c.Cause == cause, "cause "+string(cause), "%q", c.Cause),
		ensure(claim.Causation == asked.ID || len(b.cfg.After) > 1, "ce-causationid "+asked.ID+", of the event that asked", "%q", claim.Causation),
		ensure(!b.cfg.Entry() || !c.Deadline.IsZero(), "the saga's deadline in the claim of the entry step", "none"),
	)
}

func claimsFirst(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	slot := s.claimSlot(s.n)
	hold := b.gate.hold(slot.String())
	defer hold.release()
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	if err := s.caught(ctx, hold, slot); err != nil {
		return err
	}
	if err := b.nothing(ctx, s.id); err != nil {
		return err
	}
	hold.release()
	if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	return b.once(ctx, s.id)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func alike(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func deadlineTimer(ctx context.Context, b *bench) error {
	s, _, _, h, err := b.goes(ctx)
	if err != nil {
		return err
	}
	c, err := unpack[events.Claim](h.find(s.claimSlot(1)))
	if err != nil {
		return err
	}
	t := events.Timer{Type: b.cfg.Saga, To: events.Everyone, What: events.DeadlineTimer, ID: s.id}
	return s.timerAt(ctx, t, c.Deadline)
}

// timerAt checks that a timer is set, and to when.
func (s *scene) timerAt(ctx context.Context, t events.Timer, due time.Time) error {
	stream, err := s.b.js.Stream(ctx, "TIMERS")
	if err != nil {
		return err
	}
	m, err := stream.GetLastMsgForSubject(ctx, t.Set())
	if err != nil {
		return wrong("timer "+t.Set(), err.Error())
	}
	text, ok := strings.CutPrefix(m.Header.Get("Nats-Schedule"), "@at ")
	at, err := time.Parse(time.RFC3339Nano, text)
	if !ok || err != nil {
		return wrong("Nats-Schedule: @at <RFC 3339>", fmt.Sprintf("%q", m.Header.Get("Nats-Schedule")))
	}
	off := at.Sub(due)
	return first(
		ensure(off.Abs() < 50*time.Millisecond, fmt.Sprintf("timer %s at %s", t.Set(), due.UTC().Format(time.RFC3339Nano)), "%s", text),
		ensure(m.Header.Get("Nats-Schedule-Target") == t.Fired(), "Nats-Schedule-Target: "+t.Fired(), "%q", m.Header.Get("Nats-Schedule-Target")),
	)
}

func same(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return reflect.DeepEqual(x, y)
}

func completes(ctx context.Context, b *bench) error {
	s, _, done, h, err := b.goes(ctx)
	if err != nil {
		return err
	}
	d, err := unpack[events.Done](done)
	if err != nil {
		return err
	}
	after := b.cfg.After
	if b.cfg.StandIn {
		after = s.early()
	}
	if err := first(
		ensure(len(h.of(events.Failed, b.cfg.Step)) == s.n-1, "the task completed at once", "an attempt failed"),
		ensure(d.Agent == b.cfg.Agent, "agent "+b.cfg.Agent, "%q", d.Agent),
		ensure(d.Attempt == s.n, fmt.Sprintf("attempt %d", s.n), "%d", d.Attempt),
		ensure(alike(d.After, after), fmt.Sprintf("after %q", after), "%q", d.After),
		ensure(d.Context != nil || d.Omitted, "context, or context_omitted", "neither"),
		ensure(d.Result == nil || d.ResultRef == nil, "result or result_ref", "both"),
	); err != nil || d.Context == nil {
		return err
	}
	in := d.Context
	if err := first(
		ensure(same(in.Task, s.task), "context.task, the task as it was submitted", "%s", short(in.Task)),
		ensure(!in.Deadline.IsZero(), "context.deadline, the saga's", "none"),
	); err != nil {
		return err
	}
	if b.cfg.Entry() {
		return nil
	}
	for step, result := range s.results {
		if step != b.cfg.Step && !same(in.Results[step], result) {
			return wrong(fmt.Sprintf("context.results[%q] %s", step, short(result)), string(short(in.Results[step])))
		}
	}
	return nil
}

// short is the beginning of a text.
func short(text []byte) []byte {
	if len(text) > 120 {
		return append(slices.Clone(text[:120]), "..."...)
	}
	return text
}

func resultFits(ctx context.Context, b *bench) error {
	_, _, done, _, err := b.goes(ctx)
	if err != nil {
		return err
	}
	d, err := unpack[events.Done](done)
	if err != nil {
		return err
	}
	result := d.Result
	if d.ResultRef != nil {
		if result, err = b.log.Get(ctx, b.cfg.Saga, *d.ResultRef); err != nil {
			return wrong("the result that result_ref names, on the shelf", err.Error())
		}
	}
	if err := b.cfg.ResultSchema.Validate(result); err != nil {
		return wrong("a result that fits result_schema", err.Error())
	}
	return nil
}

func ends(ctx context.Context, b *bench) error {
	s, _, done, h, err := b.goes(ctx)
	if err != nil {
		return err
	}
	end := h.find(s.end(events.SagaCompleted))
	if !b.cfg.Final {
		return ensure(end == nil, "no saga.completed: the final step is another", "saga.completed")
	}
	if end == nil {
		return wrong("saga.completed after the final step", "the agent has acknowledged its message, and it is not written")
	}
	data, err := unpack[events.End](end)
	if err != nil {
		return err
	}
	d, err := unpack[events.Done](done)
	if err != nil || d.ResultRef != nil || len(d.Result) > events.MaxPayload/2 {
		return err
	}
	return ensure(same(data.Result[b.cfg.Step], d.Result) || d.Result == nil, fmt.Sprintf("result[%q] %s", b.cfg.Step, short(d.Result)), "%s", short(data.Result[b.cfg.Step]))
}

func acknowledgesLast(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	slot := s.slot(events.Completed, 0)
	if b.cfg.Final {
		slot = s.end(events.SagaCompleted)
	}
	hold := b.gate.hold(slot.String())
	defer hold.release()
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	if err := s.caught(ctx, hold, slot); err != nil {
		return err
	}
	_ = pause(ctx, 20*time.Millisecond) // who acknowledges too early does so at once
	c, err := b.js.Consumer(ctx, "SAGA_"+b.cfg.Saga, b.cfg.Agent+"_forward")
	if err != nil {
		return wrong("consumer "+b.cfg.Agent+"_forward", err.Error())
	}
	if c.CachedInfo().NumAckPending == 0 {
		return wrong("the message still held while "+slot.Event()+" is on its way", "it is acknowledged: a crash now, and nobody goes on")
	}
	hold.release()
	if _, _, err := s.until(ctx, slot); err != nil {
		return err
	}
	_, err = s.rest(ctx)
	return err
}
