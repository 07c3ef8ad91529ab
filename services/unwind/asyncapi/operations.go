package asyncapi

import (
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// operate says who sends what, and who hears it.
func (b *builder) operate() {
	for _, s := range b.slots {
		by := tellings[s.kind].by
		for _, w := range []struct {
			writer writer
			name   string
		}{{upstream, "upstream"}, {outside, "outside"}, {anybody, "any-agent"}} {
			if by&w.writer != 0 {
				b.sends(w.name, s.id())
			}
		}
	}
	b.sends("any-agent", "timer-set")
	b.sends("any-agent", "history")
	for _, end := range []events.Kind{events.SagaCompleted, events.SagaCompensated} {
		b.receives("upstream", slot{kind: end, typ: b.typ}.id(), nil)
	}
	if len(b.agents) == 0 {
		b.anyAgent()
		return
	}
	for _, a := range b.agents {
		for _, s := range b.slots {
			if writes(a, s) {
				b.sends(a.Agent, s.id())
			}
		}
		for _, c := range agent.Consumers(a) {
			b.consumes(a.Agent, c)
		}
	}
}

// writes reports whether an agent writes a slot on its own account.
func writes(a config.Config, s slot) bool {
	by, mine := tellings[s.kind].by, s.step == a.Step
	switch {
	case s.kind == events.Fallback:
		return mine && s.agent != a.Agent // whoever gives the step up
	case s.kind == events.Skipped:
		return mine && a.When != nil
	case by&pivot != 0:
		return a.Pivot
	case by&entry != 0:
		return a.Entry()
	case by&final != 0:
		return a.Final
	default:
		return by&worker != 0 && mine && (s.agent == "" || s.agent == a.Agent)
	}
}

// anyAgent is an agent of any place in a saga.
func (b *builder) anyAgent() {
	for _, s := range b.slots {
		if tellings[s.kind].by&(worker|entry|final|pivot) != 0 {
			b.sends("agent", s.id())
		}
	}
	typ := strings.Trim(b.typ, "{}")
	for _, a := range []config.Config{{Saga: typ, Agent: "agent"}, {Saga: typ, Agent: "agent", After: []string{"before"}}} {
		for _, c := range agent.Consumers(a) {
			c.Name = strings.ReplaceAll(strings.ReplaceAll(c.Name, "agent", "{agent}"), typ, b.typ)
			b.consumes("agent", c)
		}
	}
}

// consumes adds what comes to a consumer: an operation for each channel, which names
// the consumer.
func (b *builder) consumes(who string, c events.Consumer) {
	stream := "SAGA_" + b.typ
	if c.Timers {
		stream = "TIMERS"
	}
	consumer := Object{{"stream", stream}, {"durable", c.Name}, {"ack_policy", "explicit"}, {"max_deliver", -1}}
	shared := strings.HasPrefix(c.Name, "_") || strings.HasSuffix(c.Name, "_")
	if shared {
		who = "any-agent"
	}
	if len(b.agents) > 0 {
		consumer.Set("filter_subjects", c.Filters)
		consumer.Set("ack_wait", c.Lease.String())
	}
	if c.Timers {
		b.receives(who, "timer-due", consumer)
		return
	}
	for _, filter := range c.Filters {
		heard, err := events.Parse(strings.TrimSuffix(filter, "*") + "x")
		if err != nil {
			continue // it is no event's
		}
		s := slot{heard.Kind, b.typ, heard.Step, heard.Agent}
		if len(b.agents) == 0 {
			s = b.anywhere(s)
		}
		if slices.ContainsFunc(b.slots, func(had slot) bool { return had == s }) {
			b.receives(who, s.id(), consumer)
		}
	}
}

func (b *builder) sends(who, channel string) {
	b.operation(who+"-sends-"+channel, "send", who, channel, nil)
}

func (b *builder) receives(who, channel string, consumer Object) {
	b.operation(who+"-receives-"+channel, "receive", who, channel, consumer)
}

func (b *builder) operation(id, action, who, channel string, consumer Object) {
	o := Object{
		{"action", action}, {"channel", ref("#/channels/" + channel)}, {"tags", []any{Object{{"name", who}}}},
	}
	binding := Object{{"bindingVersion", "0.1.0"}}
	if consumer != nil {
		// A durable consumer is what a queue group is: of all who listen under its name
		// one gets the message. But it is JetStream's, and has to be made.
		binding = Object{{"queue", consumer.Get("durable")}, {"bindingVersion", "0.1.0"}}
		o.Set("x-unwind-consumer", consumer)
	}
	o.Set("bindings", Object{{"nats", binding}})
	b.operations.Set(id, o)
}
