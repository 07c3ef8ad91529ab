package telemetry

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// A Kind of metric.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	UpDown    Kind = "updowncounter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// A Metric is one that is told here.
type Metric struct {
	Name  string
	Kind  Kind
	Unit  string
	About string
	By    []attribute.Key // what it may be told by
}

var (
	ofPlace   = []attribute.Key{SagaType, Step, Agent}
	ofMessage = []attribute.Key{
		semconv.MessagingSystemKey, semconv.MessagingOperationNameKey, semconv.MessagingDestinationTemplateKey,
		semconv.ErrorTypeKey,
	}
)

func by(keys ...attribute.Key) []attribute.Key { return append(ofPlace[:3:3], keys...) }

// The metrics. The first four are the conventions', the others are ours.
var (
	processDuration = Metric{"messaging.process.duration", Histogram, "s", "How long the work on a message took.",
		append(ofMessage[:4:4], semconv.MessagingConsumerGroupNameKey)}
	consumedMessages = Metric{"messaging.client.consumed.messages", Counter, "{message}", "Messages that were worked on.",
		append(ofMessage[:4:4], semconv.MessagingConsumerGroupNameKey)}
	operationDuration = Metric{"messaging.client.operation.duration", Histogram, "s", "How long it took until an event was stored, or refused.",
		append(ofMessage[:4:4], semconv.MessagingOperationTypeKey)}
	sentMessages = Metric{"messaging.client.sent.messages", Counter, "{message}", "Events that were appended, or refused.", ofMessage}

	sagasEnded     = Metric{"unwind.sagas.ended", Counter, "{saga}", "Sagas that ended: completed or compensated.", []attribute.Key{SagaType, Outcome}}
	sagasTurned    = Metric{"unwind.sagas.turned", Counter, "{saga}", "Sagas that an agent turned: failed, deadline or rejected.", []attribute.Key{SagaType, Reason}}
	attempts       = Metric{"unwind.attempts", Counter, "{attempt}", "Attempts at a step, by how they ended: completed, failed, pending or skipped.", by(Outcome, Class)}
	retries        = Metric{"unwind.retries", Counter, "{attempt}", "Attempts that followed one: a retry, a takeover after a crash.", by(Cause)}
	fallbacks      = Metric{"unwind.fallbacks", Counter, "{step}", "Steps handed to the next agent in the chain.", by(Next)}
	orders         = Metric{"unwind.compensations.ordered", Counter, "{order}", "Orders to an agent to undo; told by who gave them.", by(Reason)}
	compensations  = Metric{"unwind.compensations", Counter, "{compensation}", "Tries at undoing, by how they ended: undone, nothing or failed.", by(Outcome)}
	stuck          = Metric{"unwind.stuck", Counter, "{step}", "Steps that came to wait for a person: undoing gave up, or it failed after the pivot.", by(Reason)}
	callDuration   = Metric{"unwind.call.duration", Histogram, "s", "How long the handler's functions took.", by(Call, Outcome)}
	callsActive    = Metric{"unwind.calls.active", UpDown, "{call}", "Calls of the handler's functions under way.", by(Call)}
	messagesActive = Metric{"unwind.messages.active", UpDown, "{message}", "Messages in the hands of the instance: those that wait for their turn, too.", by(Purpose)}
	throttles      = Metric{"unwind.throttled", Counter, "{time}", "How often the instance was asked to slow down, and did.", ofPlace}
	breakerState   = Metric{"unwind.breaker", Gauge, "{breaker}", "1 for what the circuit breaker is: closed, half_open or open.", by(State)}
	ready          = Metric{"unwind.ready", Gauge, "{instance}", "1 while the instance listens, and is connected.", ofPlace}
	backlog        = Metric{"unwind.backlog", Gauge, "{message}", "Messages that nobody was given yet, as the broker says. Every instance tells it of all agents of its type: take the highest.", []attribute.Key{SagaType, Agent, Purpose}}
	held           = Metric{"unwind.backlog.held", Gauge, "{message}", "Messages given to somebody and not acknowledged; as above.", []attribute.Key{SagaType, Agent, Purpose}}
	listens        = Metric{"unwind.listens", Gauge, "{consumer}", "1 where somebody asks for messages right now; as above.", []attribute.Key{SagaType, Agent, Purpose}}
)

// Metrics lists what is told.
func Metrics() []Metric {
	return []Metric{
		processDuration, consumedMessages, operationDuration, sentMessages,
		sagasEnded, sagasTurned, attempts, retries, fallbacks, orders, compensations, stuck,
		callDuration, callsActive, messagesActive, throttles, breakerState, ready, backlog, held, listens,
	}
}

// seconds are the bounds of the histograms: those that the conventions give for
// messaging, and longer ones, since an agent may think for minutes.
var seconds = metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300)

// instruments are the metrics as they are told.
type instruments struct {
	counters   map[string]metric.Int64Counter
	histograms map[string]metric.Float64Histogram
	upDowns    map[string]metric.Int64UpDownCounter
	gauges     map[string]metric.Int64ObservableGauge

	sets sync.Map // of attributes, by label

	mu       sync.Mutex
	breakers map[agent.Who]agent.Breaker
}

func newInstruments(m metric.Meter) (*instruments, error) {
	in := &instruments{
		counters: map[string]metric.Int64Counter{}, histograms: map[string]metric.Float64Histogram{},
		upDowns: map[string]metric.Int64UpDownCounter{}, gauges: map[string]metric.Int64ObservableGauge{},
		breakers: map[agent.Who]agent.Breaker{},
	}
	var errs []error
	for _, is := range Metrics() {
		unit, about := metric.WithUnit(is.Unit), metric.WithDescription(is.About)
		var err error
		switch is.Kind {
		case Counter:
			in.counters[is.Name], err = m.Int64Counter(is.Name, unit, about)
		case Histogram:
			in.histograms[is.Name], err = m.Float64Histogram(is.Name, unit, about, seconds)
		case UpDown:
			in.upDowns[is.Name], err = m.Int64UpDownCounter(is.Name, unit, about)
		case Gauge:
			in.gauges[is.Name], err = m.Int64ObservableGauge(is.Name, unit, about)
		}
		errs = append(errs, err)
	}
	_, err := m.RegisterCallback(in.observeBreakers, in.gauges[breakerState.Name])
	return in, errors.Join(append(errs, err)...)
}

func (in *instruments) count(ctx context.Context, m Metric, attrs ...attribute.KeyValue) {
	in.counters[m.Name].Add(ctx, 1, metric.WithAttributes(attrs...))
}

// A label stands for a set of attributes, of which there are few: to sort and hash
// them for each message costs more than all else that is done here.
type label struct{ of, agent, step, a, b, c string }

func (in *instruments) known(l label, attrs func() []attribute.KeyValue) metric.MeasurementOption {
	if set, ok := in.sets.Load(l); ok {
		return set.(metric.MeasurementOption)
	}
	set := metric.WithAttributeSet(attribute.NewSet(attrs()...))
	in.sets.Store(l, set)
	return set
}

// start begins what is rare at nothing: the first of a kind is a change that way,
// and an alert on changes hears of it.
func (in *instruments) start(who agent.Who) {
	ctx, at, typ := context.Background(), place(who), SagaType.String(who.Type)
	zero := func(m Metric, attrs ...attribute.KeyValue) {
		in.counters[m.Name].Add(ctx, 0, metric.WithAttributes(attrs...))
	}
	for _, why := range []string{"undoing", "after_the_pivot"} {
		zero(stuck, append(at[:3:3], Reason.String(why))...)
	}
	for _, why := range []events.Reason{events.ReasonFailed, events.ReasonDeadline, events.ReasonRejected} {
		zero(sagasTurned, typ, Reason.String(string(why)))
	}
	for _, how := range []string{"completed", "compensated"} {
		zero(sagasEnded, typ, Outcome.String(how))
	}
	for _, why := range []events.Cause{events.CauseRetry, events.CauseTakeover} {
		zero(retries, append(at[:3:3], Cause.String(string(why)))...)
	}
	for _, how := range []string{"undone", "nothing", "failed"} {
		zero(compensations, append(at[:3:3], Outcome.String(how))...)
	}
	zero(throttles, at...)
}

// heard counts a message in the hands of the instance.
func (in *instruments) heard(ctx context.Context, h agent.Heard) (settled func(agent.Settled)) {
	if in == nil {
		return nil
	}
	name := template(h.Delivery.Subject, h.Delivery)
	active := in.known(label{of: "hand", agent: h.Agent, step: h.Step, a: h.Type, b: string(h.Purpose)}, func() []attribute.KeyValue {
		return append(place(h.Who), Purpose.String(string(h.Purpose)))
	})
	in.upDowns[messagesActive.Name].Add(ctx, 1, active)
	return func(s agent.Settled) {
		in.upDowns[messagesActive.Name].Add(ctx, -1, active)
		trouble := ""
		if s.Err != nil {
			trouble = string(s.How)
		}
		attrs := in.known(label{of: "process", a: name, b: h.Consumer, c: trouble}, func() []attribute.KeyValue {
			return append(messaging("process", name, trouble), semconv.MessagingConsumerGroupName(h.Consumer))
		})
		in.counters[consumedMessages.Name].Add(ctx, 1, attrs)
		in.histograms[processDuration.Name].Record(ctx, s.Took.Seconds(), attrs)
	}
}

func (in *instruments) called(ctx context.Context, c agent.Call) (returned func(agent.Returned)) {
	if in == nil {
		return nil
	}
	known := func(how agent.Ending) metric.MeasurementOption {
		return in.known(label{of: verb(c), agent: c.Agent, step: c.Step, a: c.Type, b: string(how)}, func() []attribute.KeyValue {
			attrs := append(place(c.Who), Call.String(verb(c)))
			if how != "" {
				attrs = append(attrs, Outcome.String(string(how)))
			}
			return attrs
		})
	}
	in.upDowns[callsActive.Name].Add(ctx, 1, known(""))
	return func(r agent.Returned) {
		in.upDowns[callsActive.Name].Add(ctx, -1, known(""))
		in.histograms[callDuration.Name].Record(ctx, r.Took.Seconds(), known(r.How))
		if c.Undoing && r.How == agent.CallFailed {
			in.count(ctx, compensations, append(place(c.Who), Outcome.String("failed"))...)
		}
	}
}

// wrote counts an event that is in the log: this instance was the one that wrote it.
func (in *instruments) wrote(ctx context.Context, w agent.Writing, is agent.Written) {
	name, trouble := eventTemplate(w.Event.Subject.String()), ""
	if is.Err != nil {
		trouble = "unacknowledged"
	}
	in.counters[sentMessages.Name].Add(ctx, 1, in.known(label{of: "sent", a: name, b: trouble}, func() []attribute.KeyValue {
		return messaging("publish", name, trouble)
	}))
	in.histograms[operationDuration.Name].Record(ctx, is.Took.Seconds(), in.known(label{of: "send", a: name, b: trouble}, func() []attribute.KeyValue {
		return append(messaging("publish", name, trouble), semconv.MessagingOperationTypeSend)
	}))
	if is.Err != nil || is.Refused {
		return
	}
	at, typ := place(w.Who), SagaType.String(w.Type)
	switch data := w.Data.(type) {
	case events.Claim:
		if data.Cause == events.CauseRetry || data.Cause == events.CauseTakeover {
			in.count(ctx, retries, append(at, Cause.String(string(data.Cause)))...)
		}
	case events.Done:
		how := "completed"
		if w.Event.Subject.Kind == events.Skipped {
			how = "skipped"
		}
		in.count(ctx, attempts, append(at, Outcome.String(how))...)
	case events.Wait:
		in.count(ctx, attempts, append(at, Outcome.String("pending"))...)
	case events.Failure:
		in.count(ctx, attempts, append(at, Outcome.String("failed"), Class.String(string(data.Class)))...)
		if data.Then == events.ThenPerson {
			in.count(ctx, stuck, append(at, Reason.String("after_the_pivot"))...)
		}
	case events.HandOver:
		// Whoever settles says it, of whoever gave the step up.
		in.count(ctx, fallbacks, typ, Step.String(w.Event.Subject.Step), Agent.String(data.From), Next.String(w.Event.Subject.Agent))
	case events.UndoOrder:
		in.count(ctx, orders, typ, Step.String(w.Event.Subject.Step), Agent.String(w.Event.Subject.Agent), Reason.String(string(data.Reason)))
	case events.Undone:
		in.count(ctx, compensations, append(at, Outcome.String(string(data.Found)))...)
	case events.UndoFailure:
		if data.Then == events.ThenPerson {
			in.count(ctx, stuck, append(at, Reason.String("undoing"))...)
		}
	case events.Turn:
		in.count(ctx, sagasTurned, typ, Reason.String(string(data.Reason)))
	case events.End:
		how := "completed"
		if w.Event.Subject.Kind == events.SagaCompensated {
			how = "compensated"
		}
		in.count(ctx, sagasEnded, typ, Outcome.String(how))
	}
}

func (in *instruments) breaker(who agent.Who, b agent.Breaker) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.breakers[who] = b
}

func (in *instruments) observeBreakers(_ context.Context, o metric.Observer) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for who, is := range in.breakers {
		for _, b := range []agent.Breaker{agent.BreakerClosed, agent.BreakerHalfOpen, agent.BreakerOpen} {
			n := int64(0)
			if b == is {
				n = 1
			}
			o.ObserveInt64(in.gauges[breakerState.Name], n, metric.WithAttributes(append(place(who), State.String(string(b)))...))
		}
	}
	return nil
}

// messaging are the attributes that the conventions ask of everything that has to
// do with a message.
func messaging(operation, template, trouble string) []attribute.KeyValue {
	list := []attribute.KeyValue{
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingOperationName(operation),
		semconv.MessagingDestinationTemplate(template),
	}
	if trouble != "" {
		list = append(list, semconv.ErrorTypeKey.String(trouble))
	}
	return list
}

func verb(c agent.Call) string {
	if c.Undoing {
		return "compensate"
	}
	return "perform"
}
