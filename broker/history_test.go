package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// TestHistoryOfAThousand: the broker's limit is 1,024 events in one answer.
// More is an error that names the saga, never a part of the history.
func TestHistoryOfAThousand(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	js := jetStream(t, log)
	publish := func(from, to int) {
		for n := from; n <= to; n++ {
			if _, err := js.PublishAsync(fmt.Sprintf("saga.kyc.check.redo-1-agent-%d.1", n), []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	}
	publish(1, 1000)
	history, err := log.History(t.Context(), typ, "1", 1000)
	if err != nil || len(history) != 1000 || history[999].Seq != 1000 {
		t.Fatalf("%d events, %v", len(history), err)
	}
	publish(1001, 1025)
	history, err = log.History(t.Context(), typ, "1", 0)
	if err == nil || len(history) > 0 || !strings.Contains(err.Error(), "kyc/1") || !strings.Contains(err.Error(), "1,024") {
		t.Fatalf("%d events, %v", len(history), err)
	}
}

// TestHistoryInPages is of more bytes than the server sends in one go.
func TestHistoryInPages(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	const n, size = 90, 1 << 20 * 9 / 10
	e := newEvent(t, task("1"))
	e.Data = []byte(`"` + strings.Repeat("x", size) + `"`)
	for i := range n {
		e.Subject = events.Subject{Type: typ, Step: "check", Kind: events.Redo, N: 1, Agent: fmt.Sprintf("a%d", i), ID: "1"}
		e.ID = fmt.Sprint(i)
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	history, err := log.History(t.Context(), typ, "1", n)
	if err != nil || len(history) != n {
		t.Fatalf("%d events, %v", len(history), err)
	}
	for i, e := range history {
		if e.Seq != uint64(i+1) || len(e.Data) != size+2 {
			t.Fatalf("event %d is %d, of %d bytes", i, e.Seq, len(e.Data))
		}
	}
}

// TestHistoryOfWhatLeft: a saga that the archiver removed has no history, and
// a late timer asks for one up to a sequence that is long past.
func TestHistoryOfWhatLeft(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	seq := write(t, log, task("1"))
	s, err := jetStream(t, log).Stream(t.Context(), "SAGA_kyc")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject("saga.kyc.*.*.1")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if history, err := log.History(ctx, typ, "1", seq); err != nil || len(history) > 0 {
		t.Fatalf("%d events, %v", len(history), err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := log.History(brief, typ, "1", seq+1); err == nil {
		t.Fatal("nothing is no history of what is not yet there")
	}
}

// TestHistoryIsNeverStale plays a replica that is behind, one that loses a
// part of its answer, and one that has caught up.
func TestHistoryIsNeverStale(t *testing.T) {
	log := brokertest.Open(t)
	event := func(seq, last, pending int) *nats.Msg {
		return &nats.Msg{Header: nats.Header{
			"Nats-Subject": {fmt.Sprintf("saga.kyc.check.redo-1-a%d.1", seq)}, "Nats-Sequence": {fmt.Sprint(seq)},
			"Nats-Time-Stamp":  {time.Now().Format(time.RFC3339Nano)},
			"Nats-Num-Pending": {fmt.Sprint(pending)}, "Nats-Last-Sequence": {fmt.Sprint(last)},
		}}
	}
	end := func(last, pending, upTo int) *nats.Msg {
		return &nats.Msg{Header: nats.Header{
			"Status": {"204"}, "Nats-Num-Pending": {fmt.Sprint(pending)},
			"Nats-Last-Sequence": {fmt.Sprint(last)}, "Nats-UpTo-Sequence": {fmt.Sprint(upTo)},
		}}
	}
	answers := [][]*nats.Msg{
		{{Header: nats.Header{"Status": {"404"}}}},     // not yet
		{event(3, 0, 0), end(3, 0, 8)},                 // behind
		{{Header: nats.Header{"Status": {"503"}}}},     // its stream is not up
		{event(3, 0, 2), event(9, 5, 0), end(9, 0, 9)}, // the middle is lost
		{event(3, 0, 2), event(5, 3, 1), end(9, 0, 9)}, // the last is lost
		{{Header: nats.Header{"Status": {"500"}}}},     // it fails
		{event(3, 0, 2), event(5, 3, 1), end(5, 1, 9)}, // a page;
		{{Header: nats.Header{"Status": {"404"}}}},     // the next is asked of one that is behind
		{event(3, 0, 2), event(5, 3, 1), end(5, 1, 9)}, // a page,
		{event(9, 0, 0), end(9, 0, 9)},                 // and the next
	}
	asked := make(chan int, 100)
	reply(t, log.Conn(), "$JS.API.DIRECT.GET.SAGA_kyc", func(m *nats.Msg) {
		n := len(asked)
		asked <- n
		for _, a := range answers[min(n, len(answers)-1)] {
			_ = m.RespondMsg(a)
		}
	})
	// The stream exists, but does not answer itself.
	if _, err := jetStream(t, log).CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAGA_kyc", Subjects: []string{"saga.kyc.>"}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	history, err := log.History(ctx, typ, "1", 9)
	if err != nil || len(history) != 3 || history[0].Seq != 3 || history[1].Seq != 5 || history[2].Seq != 9 {
		t.Fatalf("%v, %v", history, err)
	}
	if len(asked) != len(answers) {
		t.Fatalf("asked %d times, want %d", len(asked), len(answers))
	}
}

// TestHeadersLikeTheBrokers: an event may carry headers that are named like
// those that the broker adds.
func TestHeadersLikeTheBrokers(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	_, err := jetStream(t, log).PublishMsg(t.Context(), &nats.Msg{Subject: task("1").String(), Data: []byte("{}"), Header: nats.Header{
		"Nats-Sequence": {"77"}, "Nats-Subject": {task("2").String()}, "Nats-Last-Sequence": {"70"}, "Status": {"204"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	history, err := log.History(t.Context(), typ, "1", 1)
	if err != nil || len(history) != 1 || history[0].Seq != 1 || history[0].Subject != task("1") {
		t.Fatalf("%v, %v", history, err)
	}
	seen := make(chan uint64, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = log.Follow(ctx, typ, "", 0, func(e events.Event) error { seen <- e.Seq; return nil })
	}()
	if seq := await(t, seen, 5*time.Second, "event"); seq != 1 {
		t.Fatal(seq)
	}
}

// TestFollowMisses nothing and repeats nothing, though requests and answers
// are lost all the time.
func TestFollowMisses(t *testing.T) {
	wire := &tamperer{InProcessConnProvider: brokertest.Serve(t)}
	log, err := broker.Connect(t.Context(), broker.Config{InProcess: wire, Pull: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	ensure(t, log)
	const n = 600 // several requests' worth
	seen := make(chan uint64, 2*n)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() {
		followed <- log.Follow(ctx, typ, "", 0, func(e events.Event) error { seen <- e.Seq; return nil })
	}()
	for i := range n {
		switch i % 60 {
		case 0:
			wire.said.spoil(1, `CONSUMER.MSG.NEXT`, `CONSUMER.MSG.LOST`)
		case 30:
			wire.heard.spoil(1, `(MSG saga\S+ )\d`, `${1}0`) // for no subscription
		}
		write(t, log, task(fmt.Sprint(i)))
	}
	for i := range n {
		if seq := await(t, seen, 10*time.Second, "event"); seq != uint64(i+1) {
			t.Fatalf("saw event %d, want %d", seq, i+1)
		}
	}
	// The last of all is lost, and nothing comes behind it that would show.
	wire.heard.spoil(1, `(MSG saga\S+ )\d`, `${1}0`)
	last := write(t, log, task("last"))
	if seq := await(t, seen, 10*time.Second, "event"); seq != last || wire.heard.left() > 0 {
		t.Fatalf("saw event %d, want %d", seq, last)
	}
	cancel()
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
}
