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

const (
	sagaPrefix   = "SAGA_"
	timersStream = "TIMERS"
)

func sagaStream(typ string) string { return sagaPrefix + typ }

// wantSagas is the stream of a saga type. Discard-new for each subject is what
// makes a subject a slot; everything that could empty a slot again is off.
func wantSagas(typ string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        sagaStream(typ),
		Description: "the events of all " + typ + " sagas, each written once",
		Subjects:    []string{"saga." + typ + ".>"},
		Storage:     jetstream.FileStorage, Replicas: max(replicas, 1),
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		MaxMsgs: -1, MaxBytes: -1, MaxConsumers: -1,
		AllowDirect: true,
	}
}

// wantTimers is the stream of timers. It is a work queue, so that a timer that
// was answered leaves, and one that nobody answers stays.
func wantTimers(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        timersStream,
		Description: "the timers of all sagas, those to come and those that came due",
		Subjects:    []string{"timer.>"},
		Storage:     jetstream.FileStorage, Replicas: max(replicas, 1),
		Retention:         jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject: -1, MaxMsgs: -1, MaxBytes: -1, MaxConsumers: -1,
		AllowDirect: true, AllowRollup: true,
		AllowMsgSchedules: true, AllowMsgTTL: true,
	}
}

// Ensure implements [events.Log]. It makes the stream of a saga type, the bucket
// of its large results and the stream of timers, or checks those that are there,
// and changes none. That many do so at once is fine.
func (l *Log) Ensure(ctx context.Context, typ string) error {
	if err := events.ValidName("saga type", typ); err != nil {
		return fmt.Errorf("ensure streams: %w", err)
	}
	for _, want := range []jetstream.StreamConfig{wantSagas(typ, l.replicas), wantObjects(typ, l.replicas), wantTimers(l.replicas)} {
		if err := l.ensure(ctx, want); err != nil {
			return fmt.Errorf("ensure stream %s: %w", want.Name, err)
		}
	}
	return nil
}

func (l *Log) ensure(ctx context.Context, want jetstream.StreamConfig) error {
	for {
		have, err := l.stream(ctx, want.Name, nil)
		if code(err) == codeNoStream {
			err = l.ask(ctx, "STREAM.CREATE."+want.Name, want, &have)
			if code(err) == codeStreamExists {
				continue // somebody else was faster
			}
		}
		if err != nil {
			return explain(err)
		}
		return verify(have.Config, want, l.replicas)
	}
}

func explain(err error) error {
	switch code(err) {
	case codeNotEnabled, codeNotForAccount:
		return fmt.Errorf("%w\nhint: start the server with JetStream (`nats-server -js`), and enable it for this account", err)
	case codeNoReplicas:
		return fmt.Errorf("%w\nhint: a single server keeps one replica", err)
	}
	if errors.Is(err, errNoAnswer) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w\nhint: does the server run JetStream, and has its cluster a leader?", err)
	}
	return err
}

// stream asks a stream's leader about it.
func (l *Log) stream(ctx context.Context, name string, body any) (info jetstream.StreamInfo, err error) {
	return info, l.ask(ctx, "STREAM.INFO."+name, body, &info)
}

// missing tells a saga type that does not exist from one whose stream does not
// answer just now: both look alike to whoever sends to it. A cluster says of a
// stream that it is just making that there is none, but lists it already.
func (l *Log) missing(ctx context.Context, stream string) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := l.stream(ctx, stream, nil); code(err) != codeNoStream {
		return false
	}
	types, err := l.Types(ctx)
	return err == nil && !slices.ContainsFunc(types, func(typ string) bool { return sagaStream(typ) == stream })
}

// Types implements [events.Log]. The types are sorted.
func (l *Log) Types(ctx context.Context) ([]string, error) {
	var types []string
	for asked := 0; ; {
		var page struct {
			Total   int      `json:"total"`
			Streams []string `json:"streams"`
		}
		if err := l.ask(ctx, "STREAM.NAMES", map[string]int{"offset": asked}, &page); err != nil {
			return nil, fmt.Errorf("list saga types: %w", explain(err))
		}
		for _, name := range page.Streams {
			if typ, ok := strings.CutPrefix(name, sagaPrefix); ok && events.ValidName("saga type", typ) == nil {
				types = append(types, typ)
			}
		}
		if asked += len(page.Streams); asked >= page.Total || len(page.Streams) == 0 {
			slices.Sort(types)
			return slices.Compact(types), nil
		}
	}
}

// A promise is one setting of a stream, as it is and as it has to be.
type promise struct {
	setting     string
	found, want any
}

// verify refuses a stream that breaks a promise, and names each.
func verify(have, want jetstream.StreamConfig, replicas int) error {
	var broken []string
	for _, p := range promises(have, want) {
		if found, wanted := fmt.Sprint(p.found), fmt.Sprint(p.want); found != wanted {
			broken = append(broken, fmt.Sprintf("%s is %s, want %s", p.setting, found, wanted))
		}
	}
	if have.Replicas < replicas {
		broken = append(broken, fmt.Sprintf("num_replicas is %d, want %d", have.Replicas, replicas))
	}
	if broken != nil {
		return fmt.Errorf("it is not safe: %s\nhint: `nats stream edit %s` mends what can be changed; otherwise back it up, remove it, and let it be made anew",
			strings.Join(broken, "; "), have.Name)
	}
	return nil
}

// promises lists what a stream is judged by. What is not here may be as its
// operator likes: placement, compression, republishing, the largest message.
func promises(have, want jetstream.StreamConfig) []promise {
	all := []promise{
		{"subjects", have.Subjects, want.Subjects},
		{"subject_transform", have.SubjectTransform != nil, false},
		{"mirror", have.Mirror != nil, false},
		{"sources", len(have.Sources), 0},

		// a slot is written once
		{"max_msgs_per_subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"discard", have.Discard, want.Discard},
		{"discard_new_per_subject", have.DiscardNewPerSubject, want.DiscardNewPerSubject},
		{"allow_atomic", have.AllowAtomicPublish, false},
		{"allow_batched", have.AllowBatchPublish, false},
		{"allow_msg_counter", have.AllowMsgCounter, false},

		// and stays written
		{"storage", have.Storage, want.Storage},
		{"persist_mode", have.PersistMode, want.PersistMode},
		{"no_ack", have.NoAck, false},
		{"retention", have.Retention, want.Retention},
		{"max_age", have.MaxAge, time.Duration(0)},
		{"max_msgs", have.MaxMsgs, want.MaxMsgs},
		{"max_bytes", have.MaxBytes, want.MaxBytes},
		{"allow_rollup_hdrs", have.AllowRollup, want.AllowRollup},
		{"allow_msg_ttl", have.AllowMsgTTL, want.AllowMsgTTL},
		{"subject_delete_marker_ttl", have.SubjectDeleteMarkerTTL, time.Duration(0)},
		{"allow_msg_schedules", have.AllowMsgSchedules, want.AllowMsgSchedules},

		// until the archiver takes it
		{"sealed", have.Sealed, false},
		{"deny_purge", have.DenyPurge, false},

		// whoever sleeps long still hears it
		{"consumer_limits.inactive_threshold", have.ConsumerLimits.InactiveThreshold, time.Duration(0)},
	}
	if want.Discard == jetstream.DiscardNew { // histories are read directly
		all = append(all, promise{"allow_direct", have.AllowDirect, true})
	}
	return all
}
