package broker_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// TestServiceOfNATS: an instance is a service as the nats tool and the library of
// services know them, beside others that are no agents.
func TestServiceOfNATS(t *testing.T) {
	server := brokertest.Serve(t)
	log, asker := brokertest.Connect(t, server, broker.Config{}), brokertest.Connect(t, server, broker.Config{}).Conn()
	other, err := micro.AddService(brokertest.Connect(t, server, broker.Config{}).Conn(), micro.Config{Name: "other", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Stop() }()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- log.Announce(ctx, events.Instance{
			Type: "kyc", Step: "faces", Agent: "face-matching", Name: "f@1", Version: "(local)", Started: time.Now(),
		}, func() events.Vitals { return events.Vitals{Performed: 3, Failed: 1} })
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	ask := func(subject string, answer any) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			m, err := asker.Request(subject, nil, time.Second)
			if err == nil {
				err = json.Unmarshal(m.Data, answer)
			}
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v", subject, err)
			}
		}
	}
	subject := func(verb micro.Verb, id string) string {
		s, err := micro.ControlSubject(verb, "unwind_kyc_face-matching", id)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var ping micro.Ping
	ask(subject(micro.PingVerb, ""), &ping)
	if ping.Type != micro.PingResponseType || ping.Version != "0.0.0" || ping.Metadata["version"] != "(local)" || ping.Metadata["instance"] != "f@1" {
		t.Errorf("ping: %+v", ping)
	}
	var info micro.Info
	ask(subject(micro.InfoVerb, ping.ID), &info)
	if info.Type != micro.InfoResponseType || len(info.Endpoints) != 1 || info.Endpoints[0].Subject != "unwind.agent.kyc.face-matching" {
		t.Errorf("info: %+v", info)
	}
	var stats micro.Stats
	ask(subject(micro.StatsVerb, ping.ID), &stats)
	if stats.Type != micro.StatsResponseType || stats.Endpoints[0].NumRequests != 4 || stats.Endpoints[0].NumErrors != 1 {
		t.Errorf("stats: %+v", stats)
	}
	var i events.Instance
	ask(info.Endpoints[0].Subject, &i)
	if i.Step != "faces" || i.Vitals.Performed != 3 {
		t.Errorf("presence: %+v", i)
	}
	all, err := log.Instances(t.Context(), "")
	if err != nil || len(all) != 1 {
		t.Errorf("instances: %+v, %v", all, err)
	}
}

// TestRollIsBounded: who answers on and on, or answers nonsense, holds nobody up,
// and is no agent.
func TestRollIsBounded(t *testing.T) {
	server := brokertest.Serve(t)
	log, chatty := brokertest.Connect(t, server, broker.Config{}), brokertest.Connect(t, server, broker.Config{}).Conn()
	stop, stopped := make(chan struct{}), make(chan struct{})
	sub, err := chatty.Subscribe("$SRV.STATS", func(m *nats.Msg) {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_ = m.Respond([]byte(`{"endpoints":[{"data":{"type":"kyc","agent":"x"}}]}`))
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chatty.Flush(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all, err := log.Instances(t.Context(), "kyc")
	if took := time.Since(began); err != nil || len(all) != 0 || took < 2*time.Second || took > 10*time.Second {
		t.Errorf("%v, %v after %s", all, err, took)
	}
	close(stop)
	<-stopped
	_ = sub.Unsubscribe()
}

// TestDeclaredTooMuch: it would not fit into an answer.
func TestDeclaredTooMuch(t *testing.T) {
	i := events.Instance{Type: "kyc", Step: "a", Agent: "a", Name: "a@1", Declared: json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)}
	if err := brokertest.Open(t).Announce(t.Context(), i, nil); err == nil || !strings.Contains(err.Error(), "262144 are allowed") {
		t.Error(err)
	}
}

// TestAnnouncedAgain: who was cut off is there again when the connection is.
func TestAnnouncedAgain(t *testing.T) {
	folder := t.TempDir()
	server := brokertest.ServeAt(t, folder, broker.ServerConfig{})
	log := brokertest.Connect(t, server, broker.Config{URL: server.ClientURL()})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- log.Announce(ctx, events.Instance{Type: "kyc", Step: "a", Agent: "a", Name: "a@1"}, func() events.Vitals { return events.Vitals{} })
	}()
	there := func() bool {
		all, err := log.Instances(t.Context(), "kyc")
		return err == nil && len(all) == 1
	}
	await := func() {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !there(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it is not there")
			}
		}
	}
	await()
	if err := log.Conn().ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	await()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
