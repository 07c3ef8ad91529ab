package asyncapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/unwind-saga/unwind/events"
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
