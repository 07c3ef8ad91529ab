package asyncapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// events makes a channel and a message for each kind: at each step, and for each
// agent where the kind names one.
func (b *builder) events() error {
	steps, agents := b.steps()
	for _, k := range events.Kinds() {
		here := []string{""}
		if hasStep(k) {
			here = steps
		}
		for _, step := range here {
			who := []string{""}
			if hasAgent(k) {
				who = agents[step]
			}
			for _, agent := range who {
				if err := b.slot(slot{k, b.typ, step, agent}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *builder) slot(s slot) error {
	message, err := b.message(s)
	if err != nil {
		return err
	}
	b.slots = append(b.slots, s)
	c := Object{
		{"address", s.address()},
		{"summary", tellings[s.kind].summary},
		{"messages", Object{{message, ref("#/components/messages/" + message)}}},
	}
	b.channel(s.id(), s.address(), c, s.kind)
	return nil
}

// channel adds a channel, with the parameters that its address has.
func (b *builder) channel(id, address string, c Object, k events.Kind) {
	parameters := Object{}
	for _, p := range []struct{ name, means, example string }{
		{"type", "The saga type: " + name, "kyc"},
		{"step", "The step: " + name + ", but neither task nor saga", "risk-scoring"},
		{"agent", "The agent: " + name + ", but neither task nor saga", "risk-scoring"},
		{"to", "An agent, or saga: then any agent of the type answers", "risk-scoring"},
		{"what", "What it is about: " + what, "attempt-2"},
		{"id", "The saga: " + sagaID + ", never used again", "order-1"},
		{"n", "", "2"},
	} {
		if !strings.Contains(address, "{"+p.name+"}") {
			continue
		}
		shared := p.name
		if p.name == "n" {
			least, most := bounds(k)
			p.means = fmt.Sprintf("A number from %d to %d", least, most)
			shared = fmt.Sprintf("n-%d-%d", least, most)
		}
		b.parameters.Set(shared, Object{{"description", p.means}, {"examples", []string{p.example}}})
		parameters.Set(p.name, ref("#/components/parameters/"+shared))
	}
	if len(parameters) > 0 {
		c.Set("parameters", parameters)
	}
	b.channels.Set(id, c)
}

// message adds the message of a slot, and returns its name. Those of one kind
// share one, unless an agent's schema says more of what it carries.
func (b *builder) message(s slot) (string, error) {
	kind := strings.ReplaceAll(s.kind.String(), ".", "-")
	payload, err := b.schemas.data(s.kind)
	if err != nil {
		return "", err
	}
	id := kind
	switch own, name, err := b.own(s); {
	case err != nil:
		return "", err
	case own != nil && s.kind == events.Submitted:
		payload = own
	case own != nil:
		id = name
		payload = Object{{"allOf", []any{payload, Object{{"type", "object"}, {"properties", Object{{"result", own}}}}}}}
	}
	if b.made[id] {
		return id, nil
	}
	b.made[id] = true
	m := Object{
		{"name", kind}, {"title", s.kind.String()}, {"summary", tellings[s.kind].summary},
		{"contentType", "application/json"}, {"headers", headers(b.anywhere(s))}, {"payload", payload},
	}
	if guard := b.anywhere(s).guard(); guard != "" {
		m.Set("x-unwind-guard", guard)
	}
	if id == kind {
		example, err := b.example(s)
		if err != nil {
			return "", err
		}
		m.Set("examples", []any{example})
	}
	b.messages.Set(id, m)
	return id, nil
}

// anywhere is a slot at any step, as a message is of every step.
func (b *builder) anywhere(s slot) slot {
	if s.step != "" {
		s.step = "{step}"
	}
	if s.agent != "" {
		s.agent = "{agent}"
	}
	return s
}

// own is what an agent's configuration says of a message: the task that it takes,
// the result that it gives.
func (b *builder) own(s slot) (schema any, name string, err error) {
	var all []any
	for _, a := range b.agents {
		switch {
		case s.kind == events.Submitted && a.Entry() && a.TaskSchema != nil:
			name = "task-" + a.Agent
			schema, err = b.schemas.own(name, a.TaskSchema.JSON())
		case s.kind == events.Completed && a.Step == s.step && a.ResultSchema != nil:
			name = "result-" + a.Agent
			schema, err = b.schemas.own(name, a.ResultSchema.JSON())
		default:
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("agent %q: %w", a.Agent, err)
		}
		all = append(all, schema)
	}
	switch {
	case len(all) == 0:
		return nil, "", nil
	case len(all) == 1:
		return all[0], s.id(), nil
	case s.kind == events.Submitted: // each of them judges it
		return Object{{"allOf", all}}, s.id(), nil
	default: // one of them performed it
		return Object{{"anyOf", all}}, s.id(), nil
	}
}

// example is an event as it is written.
func (b *builder) example(s slot) (any, error) {
	data, err := json.Marshal(tellings[s.kind].example)
	if err != nil {
		return nil, fmt.Errorf("example of %s: %w", s.kind, err)
	}
	e := events.Event{
		Subject: events.Subject{Kind: s.kind, ID: "order-1"}, ID: "5d1cf0de-93c1-4b5e-8a34-0f6d3c2b1a09",
		Source: "risk-scoring@7f3a90c1", Causation: "0b0e3d52-7f0c-4f53-9d0e-5d4a1c2b3e4f", Data: data,
	}
	written, body := events.Encode(e)
	carried := Object{}
	for _, h := range ceHeaders {
		if v, is := written[h.name]; is {
			carried.Set(h.name, v[0])
		}
	}
	if guard := s.guard(); guard != "" {
		fill := strings.NewReplacer("{type}", "kyc", "{step}", "risk-scoring", "{agent}", "risk-scoring", "{id}", "order-1", "{n+1}", "2", "{n}", "1")
		carried.Set(guardSequence, "0")
		carried.Set(guardSubject, fill.Replace(guard))
	}
	return Object{{"headers", carried}, {"payload", json.RawMessage(body)}}, nil
}

func ref(to string) Object { return Object{{"$ref", to}} }

// timers are scheduled on one subject and come due on another.
func (b *builder) timers() {
	t := events.Timer{Type: b.typ, To: "{to}", What: "{what}", ID: "{id}", Seq: 17, Due: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	body := Object{{"type", "integer"}, {"minimum", 0}, {"description", "Whoever hears it reads the history at least up to this sequence; in decimal digits"}}
	trace := func() Object {
		o := Object{}
		for _, h := range ceHeaders {
			if !strings.HasPrefix(h.name, "ce-") {
				o.Set(h.name, Object{{"type", "string"}, {"description", h.means}})
			}
		}
		return o
	}
	set := append(Object{
		{"Nats-Schedule", Object{{"type", "string"}, {"pattern", "^@at [0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z$"}, {"description", "@at and the time, of the broker's clock. What is past comes at once"}}},
		{"Nats-Schedule-Target", Object{{"type", "string"}, {"pattern", pattern(t.Fired())}, {"description", t.Fired()}}},
		{"Nats-Schedule-TTL", Object{{"type", "string"}, {"description", "how long it waits for somebody to answer it: 720h0m0s"}}},
	}, trace()...)
	example := Object{
		{"headers", Object{
			{"Nats-Schedule", "@at " + t.Due.Format(time.RFC3339)},
			{"Nats-Schedule-Target", "timer.due.kyc.risk-scoring.attempt-2.order-1"}, {"Nats-Schedule-TTL", "720h0m0s"},
		}},
		{"payload", t.Seq},
	}
	b.messages.Set("timer", Object{
		{"name", "timer"}, {"title", "timer"}, {"summary", "Ask to be reminded. Set again before it fires, it fires once, at the last time that was set."},
		{"contentType", "application/json"},
		{"headers", Object{{"type", "object"}, {"properties", set}, {"required", []string{"Nats-Schedule", "Nats-Schedule-Target", "Nats-Schedule-TTL"}}}},
		{"payload", body}, {"examples", []any{example}},
	})
	b.messages.Set("timer-due", Object{
		{"name", "timer-due"}, {"title", "timer, due"}, {"summary", "A question, not an order: it may have been answered already, so read first."},
		{"contentType", "application/json"}, {"headers", Object{{"type", "object"}, {"properties", trace()}}}, {"payload", body},
	})
	for _, c := range []struct{ id, address, message string }{{"timer-set", t.Set(), "timer"}, {"timer-due", t.Fired(), "timer-due"}} {
		b.channel(c.id, c.address, Object{
			{"address", c.address}, {"summary", b.messages.Get(c.message).(Object).Get("summary")},
			{"messages", Object{{c.message, ref("#/components/messages/" + c.message)}}},
		}, 0)
	}
}

// reading is the request for a whole history.
func (b *builder) reading() {
	stream := "SAGA_" + b.typ
	b.messages.Set("history-request", Object{
		{"name", "history-request"}, {"title", "the question for a history"}, {"contentType", "application/json"},
		{"payload", Object{
			{"type", "object"}, {"required", []string{"multi_last"}},
			{"properties", Object{{"multi_last", Object{
				{"type", "array"}, {"items", Object{{"type", "string"}, {"pattern", pattern(events.HistoryFilter(b.typ, "{id}"))}}},
			}}}},
		}},
		{"examples", []any{Object{{"payload", Object{{"multi_last", []string{events.HistoryFilter("kyc", "order-1")}}}}}}},
	})
	b.channel("history", "$JS.API.DIRECT.GET."+stream, Object{
		{"address", "$JS.API.DIRECT.GET." + stream},
		{"summary", "The whole history of a saga, as one message for each event and a closing status."},
		{"messages", Object{{"history-request", ref("#/components/messages/history-request")}}},
	}, 0)
}
