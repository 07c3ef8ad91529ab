package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/events"
)

// A durable is a consumer as the broker has it.
type durable struct {
	stream, name string
	created      time.Time
}

const (
	defaultLease = 30 * time.Second
	// Deliveries that are held or wait for their release count against this,
	// and past it the consumer stalls: far more than any fleet works on.
	maxAckPending = 20_000
	maxWaiting    = 4096 // requests that may stand: one for each instance
)

// wantDurable is what a consumer has to be. Attempts are counted in the
// history, never by the broker: a message past its limit vanishes in silence.
func wantDurable(c events.Consumer) (stream string, want jetstream.ConsumerConfig, err error) {
	stream, all := sagaStream(c.Type), "saga."+c.Type+".>"
	if c.Timers {
		stream, all = timersStream, "timer.due."+c.Type+".>"
	}
	lease := c.Lease
	if lease <= 0 {
		lease = defaultLease
	}
	filters := slices.Sorted(slices.Values(c.Filters))
	if len(filters) == 0 {
		filters = []string{all}
	}
	return stream, jetstream.ConsumerConfig{
		Durable: c.Name, Name: c.Name,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: lease,
		MaxDeliver: -1, MaxAckPending: maxAckPending, MaxWaiting: maxWaiting,
		FilterSubjects: filters,
		DeliverPolicy:  jetstream.DeliverAllPolicy, ReplayPolicy: jetstream.ReplayInstantPolicy,
	}, checkConsumer(c, all)
}

func checkConsumer(c events.Consumer, all string) error {
	if err := events.ValidName("saga type", c.Type); err != nil {
		return err
	}
	if c.Name == "" {
		return errors.New("the name is empty")
	}
	for _, r := range c.Name {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return fmt.Errorf("%q is not allowed in the name, only letters, digits, - and _", r)
		}
	}
	prefix := strings.TrimSuffix(all, ">")
	for _, f := range c.Filters {
		if !strings.HasPrefix(f, prefix) {
			return fmt.Errorf("filter %q: it has to begin with %s", f, prefix)
		}
	}
	return nil
}

// durable makes a consumer, or finds it and gives it these filters and this
// lease. Where it stands in the stream is never touched.
func (l *Log) durable(ctx context.Context, c events.Consumer) (durable, error) {
	stream, want, err := wantDurable(c)
	if err != nil {
		return durable{}, err
	}
	for {
		var have jetstream.ConsumerInfo
		err := l.ask(ctx, "CONSUMER.INFO."+stream+"."+want.Name, nil, &have)
		switch {
		case code(err) == codeNoConsumer:
			err = l.createDurable(ctx, stream, want, c.Reach, &have)
		case err == nil && have.Config.AckPolicy != want.AckPolicy, err == nil && have.Config.DeliverSubject != "":
			return durable{}, fmt.Errorf("consumer %s of %s is no pull consumer with explicit acknowledgement\nhint: `nats consumer rm %s %s` removes it, to be made anew", want.Name, stream, stream, want.Name)
		case err == nil && otherType(have.Config, c) != "":
			return durable{}, fmt.Errorf("the name is taken in %s by saga type %q", stream, otherType(have.Config, c))
		case err == nil && !sameDurable(have.Config, want):
			err = l.updateDurable(ctx, stream, want, &have)
		}
		switch code(err) {
		case codeConsumerExists, codeNoConsumerToday:
			continue // somebody made it, or removed it, in between
		case codeNoStream:
			return durable{}, fmt.Errorf("%w: there is no stream %s", events.ErrNoType, stream)
		}
		return durable{stream, want.Name, have.Created}, err
	}
}

// otherType is the saga type whose timers a consumer of this name has, if it is
// not ours: all types share one stream, and who took the consumer over would
// take their timers.
func otherType(have jetstream.ConsumerConfig, c events.Consumer) string {
	for _, filter := range append(have.FilterSubjects, have.FilterSubject) {
		if tokens := strings.Split(filter, "."); c.Timers && len(tokens) > 2 && tokens[2] != c.Type {
			return tokens[2]
		}
	}
	return ""
}

func sameDurable(have, want jetstream.ConsumerConfig) bool {
	filters := slices.Sorted(slices.Values(have.FilterSubjects))
	if have.FilterSubject != "" {
		filters = append(filters, have.FilterSubject)
	}
	return slices.Equal(filters, want.FilterSubjects) && have.AckWait == want.AckWait &&
		have.MaxDeliver == want.MaxDeliver && have.MaxAckPending == want.MaxAckPending
}

func (l *Log) createDurable(ctx context.Context, stream string, want jetstream.ConsumerConfig, reach time.Duration, have *jetstream.ConsumerInfo) error {
	if reach > 0 && stream != timersStream { // a work queue gives all it has
		info, err := l.stream(ctx, stream, nil)
		if err != nil {
			return err
		}
		from := info.TimeStamp.Add(-reach) // by the broker's clock, like the events
		want.DeliverPolicy, want.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
	}
	return l.putDurable(ctx, stream, "create", want, have)
}

func (l *Log) updateDurable(ctx context.Context, stream string, want jetstream.ConsumerConfig, have *jetstream.ConsumerInfo) error {
	next := have.Config
	next.FilterSubject, next.FilterSubjects = "", want.FilterSubjects
	next.AckWait, next.MaxDeliver, next.MaxAckPending = want.AckWait, want.MaxDeliver, want.MaxAckPending
	l.log.Info("the consumer has other settings than asked for, changing it", "stream", stream, "consumer", want.Name)
	return l.putDurable(ctx, stream, "update", next, have)
}

func (l *Log) putDurable(ctx context.Context, stream, action string, c jetstream.ConsumerConfig, have *jetstream.ConsumerInfo) error {
	return l.ask(ctx, "CONSUMER.CREATE."+stream+"."+c.Name, struct {
		Stream string                   `json:"stream_name"`
		Config jetstream.ConsumerConfig `json:"config"`
		Action string                   `json:"action"`
	}{stream, c, action}, have)
}
