package broker_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

// raw is a log through which strangers send, too.
type raw struct{ *broker.Log }

func (r raw) PublishRaw(ctx context.Context, subject string, h events.Header, body []byte) error {
	js, err := jetstream.New(r.Conn())
	if err != nil {
		return err
	}
	_, err = js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: nats.Header(h), Data: body})
	return err
}

// Spoil writes the parts of an object anew, with another first byte.
func (r raw) Spoil(ctx context.Context, typ string, ref events.Ref) error {
	data, err := r.Get(ctx, typ, ref)
	if err != nil {
		return err
	}
	data[0] ^= 1
	js, err := jetstream.New(r.Conn())
	if err != nil {
		return err
	}
	s, err := js.Stream(ctx, "OBJ_saga-"+typ)
	if err != nil {
		return err
	}
	parts := "$O.saga-" + typ + ".C." + ref.Sum()
	if err := s.Purge(ctx, jetstream.WithPurgeSubject(parts)); err != nil {
		return err
	}
	for part := range slices.Chunk(data, 128<<10) {
		if _, err := js.Publish(ctx, parts, part); err != nil {
			return err
		}
	}
	return nil
}

func TestSuite(t *testing.T) {
	log := raw{brokertest.Open(t)}
	eventtest.Suite(t, func(*testing.T) events.Log { return log })
}

func TestSuiteInVirtualTime(t *testing.T) {
	eventtest.SuiteInBubbles(t, func(t *testing.T) events.Log { return raw{brokertest.Open(t)} })
}
