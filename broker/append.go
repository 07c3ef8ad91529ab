package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/events"
)

// The headers of a conditional write: this subject's last sequence must be
// this one. The subject is always a literal one. A wildcard's last sequence is
// read before the write, not with it, and lets racing pairs through.
const (
	guardHeader    = "Nats-Expected-Last-Subject-Sequence-Subject"
	guardSeqHeader = "Nats-Expected-Last-Subject-Sequence"
)

// Append implements [events.Appender]: the table of answers in DESIGN.md. An
// answer is never believed alone, because the broker checks the guard before
// the slot (so 10071 doesn't say that our event is absent), and a cluster
// refuses a slot for a twin's write that may never be committed (10077). So
// whatever is no acknowledgement is followed by a look at both.
func (l *Log) Append(ctx context.Context, e events.Event) (uint64, error) {
	if err := e.Subject.Validate(); err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	if e.ID == "" {
		return 0, fmt.Errorf("append %s: the event has no id: nobody could tell it from a twin's", e.Subject)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append %s: it is not written: %w", e.Subject, err)
	}
	m, stream := eventMessage(e), sagaStream(e.Subject.Type)
	var pause backoff
	trouble := l.trouble()
	for {
		seq, err := l.publish(ctx, m, stream)
		switch {
		case err == nil:
			return seq, nil
		case rejected(err):
			return 0, fmt.Errorf("append %s: it is not written: %w", e.Subject, err)
		case errors.Is(err, nats.ErrNoResponders) && l.missing(ctx, stream):
			return 0, fmt.Errorf("append %s: it is not written: %w", e.Subject, events.ErrNoType)
		}
		if seq, verdict := l.judge(ctx, e, stream); !errors.Is(verdict, errUndecided) {
			return seq, verdict
		}
		trouble.tell("the broker does not take an event, trying on", "subject", e.Subject.String(), "error", err)
		if done := pause.wait(ctx); done != nil {
			return 0, fmt.Errorf("append %s: nobody knows whether it is written: %w (%v)", e.Subject, done, err)
		}
	}
}

func eventMessage(e events.Event) *nats.Msg {
	header, body := events.Encode(e)
	m := &nats.Msg{Subject: e.Subject.String(), Header: nats.Header(header), Data: body}
	if guard, ok := e.Subject.Guard(); ok {
		m.Header[guardHeader] = []string{guard.String()}
		m.Header[guardSeqHeader] = []string{"0"}
	}
	return m
}

var errUndecided = errors.New("undecided")

// judge looks at an event's slot and at its guard's, in one view of one
// replica, and says what that proves.
//
//   - The slot is taken: that stays so, and the id says by whom.
//   - The slot is free and the guard's is taken: the broker will refuse ours
//     from there on, and has accepted none before, or it would be in the view.
//     However far behind the replica is, that is final.
//   - Both are free: nothing. The replica may be behind, a write in flight.
func (l *Log) judge(ctx context.Context, e events.Event, stream string) (uint64, error) {
	slots := []string{e.Subject.String()}
	guard, guarded := e.Subject.Guard()
	if guarded {
		slots = append(slots, guard.String())
	}
	v, err := l.look(ctx, stream, slots...)
	if err != nil {
		return 0, errUndecided
	}
	stands := map[string]stored{}
	for _, m := range v.messages {
		stands[m.subject] = m
	}
	if m, taken := stands[slots[0]]; taken {
		if it, err := events.Decode(m.subject, m.header, m.body, m.seq, m.time); err == nil && it.ID == e.ID {
			return m.seq, nil
		}
		if g, both := stands[guard.String()]; guarded && both {
			return 0, &events.Refusal{Subject: e.Subject, Reason: events.ErrGuarded, Seq: g.seq}
		}
		return 0, &events.Refusal{Subject: e.Subject, Reason: events.ErrTaken, Seq: m.seq}
	}
	if g, set := stands[guard.String()]; guarded && set {
		return 0, &events.Refusal{Subject: e.Subject, Reason: events.ErrGuarded, Seq: g.seq}
	}
	return 0, errUndecided
}

// publish sends a message once and reads the acknowledgement. Whatever is none
// is an error: a stranger may answer on the subject, or another stream.
func (l *Log) publish(ctx context.Context, m *nats.Msg, stream string) (uint64, error) {
	answer, err := l.request(ctx, m)
	if err != nil {
		return 0, err
	}
	var ack struct {
		Stream string              `json:"stream"`
		Seq    uint64              `json:"seq"`
		Error  *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(answer.Data, &ack); {
	case err != nil:
		return 0, fmt.Errorf("%w with an acknowledgement: %w", errNoAnswer, err)
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Stream != stream || ack.Seq == 0:
		return 0, fmt.Errorf("%w: stream %q answers instead of %s", errNoAnswer, ack.Stream, stream)
	}
	return ack.Seq, nil
}

// rejected reports whether a write was turned away at the door, for a reason
// that stays: nothing is written, and a second try would fare no better.
func rejected(err error) bool {
	switch code(err) {
	case 0:
		return hopeless(err)
	case codeTooLarge, codeHeaderTooLarge, codeSealed, codeNotForAccount, codeNotEnabled:
		return true
	default:
		return false
	}
}

// streamOf is the stream that holds a subject of ours.
func streamOf(subject string) string {
	if tokens := strings.SplitN(subject, ".", 3); len(tokens) > 1 && tokens[0] == "saga" {
		return sagaStream(tokens[1])
	}
	return timersStream
}
