package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

// BenchmarkInbox reads the inbox of a type with so many sagas ($SAGAS, default
// 10,000), of which one in a thousand waits for a person and one in a hundred
// had asked one and has ended.
func BenchmarkInbox(b *testing.B) {
	sagas := 10_000
	if text := os.Getenv("SAGAS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		sagas = n
	}
	quiet := slog.New(slog.DiscardHandler)
	server, err := broker.Embed(b.Context(), b.TempDir(), broker.ServerConfig{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Shutdown()
	log, err := broker.Connect(b.Context(), broker.Config{URL: server.ClientURL(), Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	if err := log.Ensure(b.Context(), "trip"); err != nil {
		b.Fatal(err)
	}
	asked := fillInbox(b, log, sagas)
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
		items, err := client.Inbox(ctx, log, "trip")
		cancel()
		if err != nil || len(items) != asked {
			b.Fatalf("%d items, %v, want %d", len(items), err, asked)
		}
	}
	b.ReportMetric(float64(sagas)*float64(b.N)/b.Elapsed().Seconds(), "sagas/s")
}

// fillInbox writes the histories of sagas, and returns how many wait.
func fillInbox(b *testing.B, log *broker.Log, sagas int) (asked int) {
	b.Helper()
	js, err := jetstream.New(log.Conn(), jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		b.Fatal(err)
	}
	publish := func(s events.Subject, id int, data any) {
		s.Type, s.ID = "trip", fmt.Sprintf("order-%06d", id)
		e, err := events.New(s, "bench", events.Event{}, data)
		if err != nil {
			b.Fatal(err)
		}
		header, body := events.Encode(e)
		if _, err := js.PublishMsgAsync(&nats.Msg{Subject: s.String(), Header: nats.Header(header), Data: body}, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	task := map[string]string{"to": "Rome", "name": "Ada Lovelace", "note": "a window, please"}
	for i := range sagas {
		publish(events.Subject{Kind: events.Submitted}, i, task)
		publish(events.Subject{Step: "seat", Kind: events.Started}, i, events.Claim{Agent: "seat", Cause: events.CauseTask})
		publish(events.Subject{Step: "seat", Kind: events.Completed}, i, events.Done{Agent: "seat", Attempt: 1, Result: []byte(`"12A"`)})
		publish(events.Subject{Step: "card", Kind: events.Started}, i, events.Claim{Agent: "card", Cause: events.CauseStep, After: []string{"seat"}})
		if i%100 == 0 {
			publish(events.Subject{Step: "card", Kind: events.Pending, N: 1}, i, events.Wait{Agent: "card", Person: true, Question: "Is that all right?"})
		}
		if i%1000 == 0 {
			asked++
			continue
		}
		publish(events.Subject{Step: "card", Kind: events.Completed}, i, events.Done{Agent: "card", Attempt: 1, After: []string{"seat"}, Result: []byte(`"paid"`)})
		publish(events.Subject{Kind: events.SagaCompleted}, i, events.End{})
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(5 * time.Minute):
		b.Fatal("the broker is too slow")
	}
	return asked
}
