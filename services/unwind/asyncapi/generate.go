package asyncapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// Options say what the document is about. The zero value describes the wire for
// any saga type.
type Options struct {
	Saga   string          // one saga type
	Agents []config.Config // of that type: their steps, what they listen to, their schemas
	Server string          // host and port of the broker; default 127.0.0.1:4222
}

//go:embed guide.md
var guide string

// version is that of the wire: the v1 in the schemas' names.
const version = "1.0.0"

// A Document is an AsyncAPI 3.0 document.
type Document struct{ root Object }

// Generate describes the wire.
func Generate(o Options) (*Document, error) {
	b := builder{options: o, typ: "{type}", made: map[string]bool{}}
	title := "Unwind"
	if o.Saga != "" {
		if err := events.ValidName("saga type", o.Saga); err != nil {
			return nil, err
		}
		b.typ, title = o.Saga, "Unwind: the saga "+o.Saga
	}
	for _, a := range o.Agents {
		a = a.WithDefaults()
		if a.Saga != o.Saga {
			return nil, fmt.Errorf("agent %q is of saga type %q, not %q", a.Agent, a.Saga, o.Saga)
		}
		b.agents = append(b.agents, a)
	}
	if err := b.events(); err != nil {
		return nil, err
	}
	b.timers()
	b.reading()
	b.operate()
	server := o.Server
	if server == "" {
		server = "127.0.0.1:4222"
	}
	return &Document{Object{
		{"asyncapi", "3.0.0"},
		{"id", "urn:unwind:" + strings.Trim(b.typ, "{}")},
		{"info", Object{{"title", title}, {"version", version}, {"description", guide}}},
		{"defaultContentType", "application/json"},
		{"servers", Object{{"nats", Object{
			{"host", server}, {"protocol", "nats"},
			{"description", "A NATS server of 2.12 or later with JetStream. The first agent of a type makes its streams, and so does `unwind dev`."},
		}}}},
		{"channels", b.channels},
		{"operations", b.operations},
		{"components", Object{{"messages", b.messages}, {"schemas", b.schemas.all}, {"parameters", b.parameters}}},
	}}, nil
}

// JSON prints the document.
func (d *Document) JSON() ([]byte, error) {
	text, err := marshal(d.root)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// YAML prints the document. JSON is YAML already; this is what people read.
func (d *Document) YAML() ([]byte, error) {
	text, err := marshal(d.root)
	if err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("print the document: %w", err)
	}
	plain(&node)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return nil, fmt.Errorf("print the document: %w", err)
	}
	return b.Bytes(), e.Close()
}

// plain takes the braces and the quotes away, where they say nothing.
func plain(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.Style = 0
		if strings.Contains(n.Value, "\n") {
			n.Style = yaml.LiteralStyle
		}
	}
	for _, c := range n.Content {
		plain(c)
	}
}

type builder struct {
	options Options
	typ     string
	agents  []config.Config

	channels, operations, messages, parameters Object
	schemas                                    schemas
	slots                                      []slot
	made                                       map[string]bool
}

// steps lists the steps, and who performs each.
func (b *builder) steps() (list []string, agents map[string][]string) {
	if len(b.agents) == 0 {
		return []string{"{step}"}, map[string][]string{"{step}": {"{agent}"}}
	}
	agents = map[string][]string{}
	for _, a := range b.agents {
		if agents[a.Step] == nil {
			list = append(list, a.Step)
		}
		agents[a.Step] = append(agents[a.Step], a.Agent)
	}
	return list, agents
}

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
