package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

// wire are the checks of all that the agent wrote in the checks before: they come
// last.
var wire = []Check{
	{
		Name: "guards", Rule: "I1, I5 and I8; DESIGN, On the wire", last: true,
		Text: "every event that has a guard was written with it, and with a literal subject",
		run:  guards,
	},
	{
		Name: "envelope", Rule: "PROTOCOL §3", last: true,
		Text: "every event has CloudEvents' headers in lower case, and no Nats-Msg-Id",
		run:  envelope,
	},
	{
		Name: "schemas", Rule: "PROTOCOL §3; events/schema", last: true,
		Text: "the data of every event fits its JSON Schema",
		run:  schemas,
	},
}

// The headers of a guard.
const (
	guardHeader    = "Nats-Expected-Last-Subject-Sequence-Subject"
	guardSeqHeader = "Nats-Expected-Last-Subject-Sequence"
)

// written calls see with each event that the agent wrote.
func (b *bench) written(ctx context.Context, see func(events.Event) error) error {
	n := 0
	err := b.log.Scan(ctx, b.cfg.Saga, func(e events.Event) error {
		if e.Source == as || b.strange[e.Seq] || !strings.HasSuffix(e.Subject.ID, b.config.run) {
			return nil
		}
		n++
		if err := see(e); err != nil {
			if f, ok := err.(*fault); ok {
				return wrong(e.Subject.String()+" with "+f.want, f.seen)
			}
			return err
		}
		return nil
	})
	if err == nil && n == 0 {
		return &idle{"it has written nothing"}
	}
	return err
}

func guards(ctx context.Context, b *bench) error {
	return b.written(ctx, func(e events.Event) error {
		guard, guarded := e.Subject.Guard()
		if !guarded {
			return nil
		}
		m, err := b.stored(ctx, "SAGA_"+b.cfg.Saga, e.Seq)
		if err != nil {
			return err
		}
		h := events.Header(m.Header)
		return first(
			ensure(h.Get(guardHeader) == guard.String(), guardHeader+": "+guard.String(), "%q", h.Get(guardHeader)),
			ensure(h.Get(guardSeqHeader) == "0", guardSeqHeader+": 0", "%q", h.Get(guardSeqHeader)),
		)
	})
}

func envelope(ctx context.Context, b *bench) error {
	ids := map[string]bool{}
	return b.written(ctx, func(e events.Event) error {
		m, err := b.stored(ctx, "SAGA_"+b.cfg.Saga, e.Seq)
		if err != nil {
			return err
		}
		get := func(name string) string {
			if v := m.Header[name]; len(v) > 0 {
				return v[0]
			}
			return ""
		}
		again := ids[get("ce-id")]
		ids[get("ce-id")] = true
		return first(
			ensure(get("ce-specversion") == "1.0", "ce-specversion: 1.0", "%q", get("ce-specversion")),
			ensure(get("ce-id") != "", "ce-id", "none"),
			ensure(!again, "a ce-id of its own", "%q again", get("ce-id")),
			ensure(get("ce-source") != "", "ce-source, the instance", "none"),
			ensure(get("ce-type") == "dev.unwind."+e.Subject.Kind.String(), "ce-type: dev.unwind."+e.Subject.Kind.String(), "%q", get("ce-type")),
			ensure(get("ce-subject") == e.Subject.ID, "ce-subject, the saga's id", "%q", get("ce-subject")),
			ensure(get("ce-correlationid") == e.Subject.ID, "ce-correlationid, the saga's id", "%q", get("ce-correlationid")),
			ensure(events.Header(m.Header).Get("Nats-Msg-Id") == "", "no Nats-Msg-Id", "%q", events.Header(m.Header).Get("Nats-Msg-Id")),
		)
	})
}

func schemas(ctx context.Context, b *bench) error {
	read := map[events.Kind]*config.Schema{}
	return b.written(ctx, func(e events.Event) error {
		schema := read[e.Subject.Kind]
		if schema == nil {
			text, ok := events.Schema(e.Subject.Kind)
			if !ok {
				return nil
			}
			var err error
			if schema, err = config.NewSchema(e.Subject.Kind.String(), text); err != nil {
				return fmt.Errorf("read the schema of %s: %w", e.Subject.Kind, err)
			}
			read[e.Subject.Kind] = schema
		}
		if !json.Valid(e.Data) {
			return wrong("JSON", string(short(e.Data)))
		}
		if err := schema.Validate(e.Data); err != nil {
			return wrong("data that fits its schema", strings.ReplaceAll(err.Error(), "\n", " ")+": "+string(short(e.Data)))
		}
		return nil
	})
}
