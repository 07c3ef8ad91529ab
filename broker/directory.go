package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/unwind-saga/unwind/events"
)

const (
	// hush is how long it has to be quiet, beside the way there and back, until
	// nobody more is expected to answer; and longestRoll how long all may take.
	hush        = 300 * time.Millisecond
	longestRoll = 3 * time.Second

	roll = "$SRV.STATS" // on which every service of NATS answers
)

// Instances implements [events.Directory]: it calls the roll, and waits until it
// has been quiet for a while, or for as long as ctx has time.
func (l *Log) Instances(ctx context.Context, typ string) ([]events.Instance, error) {
	all, err := l.callRoll(ctx, typ)
	if err != nil {
		return nil, fmt.Errorf("ask who is there: %w", err)
	}
	events.SortInstances(all)
	return all, nil
}

func (l *Log) callRoll(ctx context.Context, typ string) (all []events.Instance, err error) {
	call, deny := context.WithCancelCause(ctx)
	defer deny(nil)
	defer l.calls.add(roll, deny)()
	call, cancel := context.WithTimeout(call, longestRoll)
	defer cancel()

	inbox, answers := l.nc.NewInbox(), make(chan *nats.Msg, 4096)
	sub, err := l.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	asked := time.Now()
	if err := l.nc.PublishRequest(roll, inbox, nil); err != nil {
		return nil, err
	}
	if err := l.nc.FlushWithContext(call); err != nil {
		return nil, errors.Join(errNoAnswer, ctx.Err())
	}
	quiet := hush + 2*time.Since(asked) // some answer from far away
	silence := time.NewTimer(quiet)
	defer silence.Stop()
	for {
		select {
		case m := <-answers:
			if m.Header.Get("Status") == "503" {
				return all, nil // there is no service at all
			}
			if i, ok := readPresence(m.Data); ok && (typ == "" || i.Type == typ) {
				all = append(all, i)
			}
			silence.Reset(quiet)
		case <-silence.C:
			return all, nil
		case <-l.closed:
			return nil, nats.ErrConnectionClosed
		case <-call.Done():
			switch cause := context.Cause(call); {
			case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
				return all, nil // whoever asks has waited as long as they would
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case errors.Is(cause, context.DeadlineExceeded):
				return all, nil // somebody answers on and on
			default:
				return nil, cause
			}
		}
	}
}

// readPresence reads what a service says of itself. Most are no agents.
func readPresence(answer []byte) (i events.Instance, ok bool) {
	var s micro.Stats
	if json.Unmarshal(answer, &s) != nil || len(s.Endpoints) != 1 || len(s.Endpoints[0].Data) == 0 {
		return i, false
	}
	if json.Unmarshal(s.Endpoints[0].Data, &i) != nil || i.Validate() != nil {
		return i, false
	}
	return i, s.Name == serviceName(i.Type, i.Agent)
}

// Backlogs implements [events.Directory].
func (l *Log) Backlogs(ctx context.Context, typ string) ([]events.Backlog, error) {
	fail := func(err error) ([]events.Backlog, error) {
		return nil, fmt.Errorf("ask what waits for the agents of type %q: %w", typ, explain(err))
	}
	if err := events.ValidName("saga type", typ); err != nil {
		return fail(err)
	}
	var all []events.Backlog
	for _, stream := range []string{sagaStream(typ), timersStream} {
		consumers, err := l.consumers(ctx, stream)
		if code(err) == codeNoStream {
			err = fmt.Errorf("%w: there is no stream %s", events.ErrNoType, stream)
		}
		if err != nil {
			return fail(err)
		}
		for _, c := range consumers {
			b, ok := backlog(typ, c, stream == timersStream)
			if !ok {
				continue
			}
			if b.Waiting > 0 {
				if b.Oldest, err = l.oldest(ctx, stream, c); err != nil {
					return fail(err)
				}
			}
			all = append(all, b)
		}
	}
	events.SortBacklogs(all)
	return all, nil
}

// backlog reads what the broker says of a consumer. Most purposes are known by
// their names; one that somebody took for something else has other filters.
func backlog(typ string, c jetstream.ConsumerInfo, timers bool) (events.Backlog, bool) {
	purpose, agent, ok := events.PurposeOf(typ, c.Name, timers)
	if !ok || c.Config.Durable == "" {
		return events.Backlog{}, false
	}
	b := events.Backlog{
		Consumer: c.Name, Agent: agent, Purpose: purpose, Filters: filters(c.Config),
		Waiting: c.NumPending, Held: c.NumAckPending, Listens: c.NumWaiting > 0 || c.PushBound,
	}
	if c.Delivered.Last != nil {
		b.Last = *c.Delivered.Last
	}
	return b, true
}

// filters are what a consumer hears, however it was made.
func filters(c jetstream.ConsumerConfig) []string {
	all := slices.Clone(c.FilterSubjects)
	if c.FilterSubject != "" {
		all = append(all, c.FilterSubject)
	}
	slices.Sort(all)
	return all
}

func (l *Log) consumers(ctx context.Context, stream string) (all []jetstream.ConsumerInfo, err error) {
	for {
		var page struct {
			Total     int                      `json:"total"`
			Consumers []jetstream.ConsumerInfo `json:"consumers"`
		}
		if err := l.ask(ctx, "CONSUMER.LIST."+stream, map[string]int{"offset": len(all)}, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Consumers...)
		if len(all) >= page.Total || len(page.Consumers) == 0 {
			return all, nil
		}
	}
}

// oldest is when the first message was written that a consumer has given to
// nobody yet; zero where it is gone by now.
func (l *Log) oldest(ctx context.Context, stream string, c jetstream.ConsumerInfo) (oldest time.Time, err error) {
	for _, filter := range filters(c.Config) {
		question, err := json.Marshal(map[string]any{"seq": c.Delivered.Stream + 1, "next_by_subj": filter})
		if err != nil {
			return oldest, err
		}
		m, err := l.request(ctx, &nats.Msg{Subject: l.api + "DIRECT.GET." + stream, Data: question})
		if err != nil {
			return oldest, err
		}
		at, err := time.Parse(time.RFC3339Nano, lastOf(m, "Nats-Time-Stamp"))
		if err == nil && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest, nil
}
