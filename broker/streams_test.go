package broker_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
)

func jetStream(t testing.TB, log *broker.Log) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(log.Conn())
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// TestEnsureRefusesUnsafeStreams spoils one setting after the other.
func TestEnsureRefusesUnsafeStreams(t *testing.T) {
	type spoil = func(*jetstream.StreamConfig)
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{})
	js := jetStream(t, log)
	ensure(t, log)
	config := func(name string) jetstream.StreamConfig {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		c.Metadata = nil
		return c
	}
	for stream, spoils := range map[string]map[string]spoil{
		"SAGA_kyc": {
			"subjects is [saga.kyc.*.*.*]":            func(c *jetstream.StreamConfig) { c.Subjects = []string{"saga.kyc.*.*.*"} },
			"subjects is [saga.kyc.> more]":           func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "more") },
			"storage is Memory, want File":            func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
			"max_msgs_per_subject is 2, want 1":       func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 2 },
			"discard_new_per_subject is false":        func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = false },
			"discard is DiscardOld, want DiscardNew;": func(c *jetstream.StreamConfig) { c.Discard, c.DiscardNewPerSubject = jetstream.DiscardOld, false },
			"max_age is 1h0m0s, want 0s":              func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
			"max_msgs is 1000, want -1":               func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 },
			"max_bytes is 1000000, want -1":           func(c *jetstream.StreamConfig) { c.MaxBytes = 1e6 },
			"allow_direct is false, want true":        func(c *jetstream.StreamConfig) { c.AllowDirect = false },
			"allow_rollup_hdrs is true, want false":   func(c *jetstream.StreamConfig) { c.AllowRollup = true },
			"allow_msg_ttl is true, want false":       func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
			"subject_delete_marker_ttl is 1m0s, want 0s": func(c *jetstream.StreamConfig) {
				c.SubjectDeleteMarkerTTL, c.AllowMsgTTL, c.AllowRollup = time.Minute, true, true
			},
			"deny_purge is true, want false":      func(c *jetstream.StreamConfig) { c.DenyPurge = true },
			"sealed is true, want false":          func(c *jetstream.StreamConfig) { c.Sealed = true },
			"no_ack is true, want false":          func(c *jetstream.StreamConfig) { c.NoAck = true },
			"retention is WorkQueue, want Limits": func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
			"retention is Interest, want Limits":  func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
			"allow_atomic is true, want false":    func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = true },
			"allow_batched is true, want false":   func(c *jetstream.StreamConfig) { c.AllowBatchPublish = true },
			"persist_mode is Async, want Default": func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
			"subject_transform is true, want false": func(c *jetstream.StreamConfig) {
				c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "saga.kyc.a.>", Destination: "saga.kyc.b.>"}
			},
			"mirror is true, want false": func(c *jetstream.StreamConfig) {
				*c = jetstream.StreamConfig{Name: c.Name, Mirror: &jetstream.StreamSource{Name: "OTHER"}}
			},
			"sources is 1, want 0": func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "OTHER"}} },
			"consumer_limits.inactive_threshold is 1h0m0s, want 0s": func(c *jetstream.StreamConfig) {
				c.ConsumerLimits.InactiveThreshold = time.Hour
			},
		},
		"TIMERS": {
			"allow_msg_schedules is false, want true": func(c *jetstream.StreamConfig) { c.AllowMsgSchedules = false },
			"allow_msg_ttl is false, want true":       func(c *jetstream.StreamConfig) { c.AllowMsgTTL = false },
			"retention is Limits, want WorkQueue":     func(c *jetstream.StreamConfig) { c.Retention = jetstream.LimitsPolicy },
			"storage is Memory, want File":            func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
			"max_age is 1h0m0s, want 0s":              func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
			"max_msgs is 5, want -1":                  func(c *jetstream.StreamConfig) { c.MaxMsgs = 5 },
			"max_msgs_per_subject is 1, want -1":      func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
			"subjects is [timer.due.>]":               func(c *jetstream.StreamConfig) { c.Subjects = []string{"timer.due.>"} },
		},
	} {
		good := config(stream)
		for want, spoil := range spoils {
			t.Run(want, func(t *testing.T) {
				bad := good
				spoil(&bad)
				if err := js.DeleteStream(t.Context(), stream); err != nil {
					t.Fatal(err)
				}
				if bad.Sealed { // only an existing stream can be sealed
					if _, err := js.CreateStream(t.Context(), good); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := js.CreateOrUpdateStream(t.Context(), bad); err != nil {
					t.Fatal(err)
				}
				err := log.Ensure(t.Context(), typ)
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), stream) || !strings.Contains(err.Error(), "hint:") {
					t.Fatalf("got %v, want %q", err, want)
				}
			})
		}
		if err := js.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
		ensure(t, log)
	}
}

func TestEnsureNamesEverySetting(t *testing.T) {
	log := brokertest.Open(t)
	if _, err := jetStream(t, log).CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAGA_kyc", Subjects: []string{"saga.kyc.>"}}); err != nil {
		t.Fatal(err)
	}
	err := log.Ensure(t.Context(), typ)
	for _, want := range []string{"max_msgs_per_subject is -1, want 1", "discard is DiscardOld, want DiscardNew", "discard_new_per_subject is false, want true", "allow_direct is false, want true"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v, want %q", err, want)
		}
	}
}

// TestEnsureLetsOperatorsChoose: what a promise doesn't need is theirs.
func TestEnsureLetsOperatorsChoose(t *testing.T) {
	log := brokertest.Open(t)
	js := jetStream(t, log)
	ensure(t, log)
	s, err := js.Stream(t.Context(), "SAGA_kyc")
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.RePublish = &jetstream.RePublish{Source: "saga.kyc.>", Destination: "copy.>"}
	c.Description, c.MaxMsgSize, c.Metadata["owner"] = "ours", 1e5, "us"
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ensure(t, log)
}

func TestEnsureReplicas(t *testing.T) {
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{Replicas: 3})
	err := log.Ensure(t.Context(), typ)
	if err == nil || !strings.Contains(err.Error(), "hint: a single server keeps one replica") {
		t.Fatalf("got %v", err)
	}
	ensure(t, brokertest.Connect(t, server, broker.Config{}))
	err = log.Ensure(t.Context(), typ)
	if err == nil || !strings.Contains(err.Error(), "num_replicas is 1, want 3") {
		t.Fatalf("got %v", err)
	}
}

func TestEnsureTogether(t *testing.T) {
	server := brokertest.Serve(t)
	var all sync.WaitGroup
	for range 4 {
		log := brokertest.Connect(t, server, broker.Config{})
		for i := range 8 {
			all.Go(func() {
				if err := log.Ensure(t.Context(), fmt.Sprintf("type-%d", i%2)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}

// TestTypesInPages has more streams than one answer lists, and others' too.
func TestTypesInPages(t *testing.T) {
	log := brokertest.Open(t)
	js := jetStream(t, log)
	for i := range 1030 {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: fmt.Sprintf("OTHER-%d", i), Storage: jetstream.MemoryStorage}); err != nil {
			t.Fatal(err)
		}
	}
	ensure(t, log)
	types, err := log.Types(t.Context())
	if err != nil || len(types) != 1 || types[0] != typ {
		t.Fatalf("%v, %v", types, err)
	}
}

// TestEnsureWithoutJetStream: nobody answers then, not even to say so.
func TestEnsureWithoutJetStream(t *testing.T) {
	server := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Tune: func(o *server.Options) {
		o.Accounts = []*server.Account{server.NewAccount("PLAIN")}
		o.Users = []*server.User{{Username: "u", Password: "x", Account: o.Accounts[0]}}
	}})
	log := connectAs(t, server, "u", nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := log.Ensure(ctx, typ); err == nil || !strings.Contains(err.Error(), "hint:") {
		t.Fatalf("got %v", err)
	}
}
