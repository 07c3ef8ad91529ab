package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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
		Name: "envelope", Rule: "DESIGN, On the wire", last: true,
		Text: "every event has CloudEvents' headers in lower case, and no Nats-Msg-Id",
		run:  envelope,
	},
	{
		Name: "schemas", Rule: "events/schema", last: true,
		Text: "the data of every event fits its JSON Schema",
		run:  schemas,
	},
}

// The headers of a guard.
const (
	guardHeader    = "Nats-Expected-Last-Subject-Sequence-Subject"
	guardSeqHeader = "Nats-Expected-Last-Subject-Sequence"
)

// A record is an event of the agent, with all headers that it was stored with.
type record struct {
	events.Event
	header map[string][]string
}

// keep keeps what the agent wrote in the sagas that were played last.
func (b *bench) keep(ctx context.Context) error {
	for ; b.kept < len(b.scenes); b.kept++ {
		h, err := b.log.History(ctx, b.cfg.Saga, b.scenes[b.kept].id, 0)
		if err != nil {
			return err
		}
		for _, e := range h {
			if e.Source == as || b.strange[e.Seq] {
				continue
			}
			m, err := b.stored(ctx, "SAGA_"+b.cfg.Saga, e.Seq)
			if err != nil {
				return err
			}
			b.wrote = append(b.wrote, record{e, m.Header})
		}
	}
	return nil
}

// clean keeps what the agent wrote, and after a check that failed puts an end to
// all that is under way: what is stuck there is no other check's business. On a
// broker that is not the verifier's own, it has to stay.
func (b *bench) clean(ctx context.Context, failed bool) error {
	if err := b.keep(ctx); err != nil || !failed || b.gate == nil {
		return err
	}
	again := func(purge func() error) error { return purge() }
	if b.crew != nil {
		again = func(purge func() error) error {
			var err error
			return cmp.Or(b.kill(ctx, func() { err = purge() }), err)
		}
	}
	return again(func() error {
		clear(b.sent)
		for _, name := range []string{"SAGA_" + b.cfg.Saga, "TIMERS"} {
			stream, err := b.js.Stream(ctx, name)
			if err == nil {
				err = stream.Purge(ctx)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// written calls see with each event that the agent wrote.
func (b *bench) written(see func(record) error) error {
	if len(b.wrote) == 0 {
		return &idle{"it has written nothing"}
	}
	for _, e := range b.wrote {
		err := see(e)
		if f, ok := errors.AsType[*fault](err); ok {
			return wrong(e.Subject.String()+" with "+f.want, f.seen)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func guards(_ context.Context, b *bench) error {
	return b.written(func(e record) error {
		guard, guarded := e.Subject.Guard()
		if !guarded {
			return nil
		}
		h := events.Header(e.header)
		return first(
			ensure(h.Get(guardHeader) == guard.String(), guardHeader+": "+guard.String(), "%q", h.Get(guardHeader)),
			ensure(h.Get(guardSeqHeader) == "0", guardSeqHeader+": 0", "%q", h.Get(guardSeqHeader)),
		)
	})
}

func envelope(_ context.Context, b *bench) error {
	ids := map[string]bool{}
	return b.written(func(e record) error {
		get := func(name string) string {
			if v := e.header[name]; len(v) > 0 {
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
			ensure(events.Header(e.header).Get("Nats-Msg-Id") == "", "no Nats-Msg-Id", "%q", events.Header(e.header).Get("Nats-Msg-Id")),
		)
	})
}

func schemas(_ context.Context, b *bench) error {
	read := map[events.Kind]*config.Schema{}
	return b.written(func(e record) error {
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
