package broker_test

import (
	"context"
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

func TestSuite(t *testing.T) {
	log := raw{brokertest.Open(t)}
	eventtest.Suite(t, func(*testing.T) events.Log { return log })
}

func TestSuiteInVirtualTime(t *testing.T) {
	eventtest.SuiteInBubbles(t, func(t *testing.T) events.Log { return raw{brokertest.Open(t)} })
}
