package broker

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// lease speaks for a delivery. What it says goes out at once and is not
// answered: a word that is lost costs a redelivery, which is harmless.
type lease struct {
	m       *nats.Msg
	settled atomic.Bool
}

// Ack implements [events.Lease].
func (h *lease) Ack() error { return h.settle("acknowledge", []byte("+ACK")) }

// Release implements [events.Lease].
func (h *lease) Release(after time.Duration) error {
	if after <= 0 {
		return h.settle("release", []byte("-NAK"))
	}
	return h.settle("release", fmt.Appendf(nil, `-NAK {"delay": %d}`, after))
}

// Extend implements [events.Lease].
func (h *lease) Extend() error {
	if h.settled.Load() {
		return h.fail("extend", errSettled)
	}
	return h.say("extend", []byte("+WPI"))
}

var errSettled = errors.New("it was acknowledged or released already")

func (h *lease) settle(verb string, word []byte) error {
	if h.settled.Swap(true) {
		return h.fail(verb, errSettled)
	}
	return h.say(verb, word)
}

func (h *lease) say(verb string, word []byte) error {
	if err := h.m.Respond(word); err != nil {
		return h.fail(verb, err)
	}
	return nil
}

func (h *lease) fail(verb string, err error) error {
	return fmt.Errorf("%s a delivery of %s: %w", verb, h.m.Subject, err)
}

// read makes a delivery of a message. What can't be read as an event or a
// timer is a delivery too: somebody has to acknowledge it.
func (l *Log) read(m *nats.Msg, created time.Time) (events.Delivery, error) {
	about, err := m.Metadata()
	if err != nil {
		return events.Delivery{}, err
	}
	d := events.Delivery{
		Subject: m.Subject, Stream: about.Stream, Seq: about.Sequence.Stream, Time: about.Timestamp,
		Redelivered: about.NumDelivered > 1, Old: about.Timestamp.Before(created),
		Lease: &lease{m: m},
	}
	if d.Stream == timersStream {
		d.Timer, d.Err = events.DecodeTimer(d.Subject, events.Header(m.Header), m.Data, d.Time)
	} else {
		d.Event, d.Err = events.Decode(d.Subject, events.Header(m.Header), m.Data, d.Seq, d.Time)
	}
	return d, nil
}
