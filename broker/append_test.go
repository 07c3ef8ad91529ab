package broker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// TestRefusals plays the broker, to give each answer to a write in each
// order with what a look then shows. The suite gives those that a single
// server gives by itself.
func TestRefusals(t *testing.T) {
	const (
		ack     = `{"stream":"SAGA_kyc","seq":7}`
		guarded = `{"stream":"SAGA_kyc","seq":0,"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"}}`
		full    = `{"stream":"SAGA_kyc","seq":0,"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"}}`
		flight  = `{"stream":"SAGA_kyc","seq":0,"error":{"code":400,"err_code":10164,"description":"wrong last sequence"}}`
		store   = `{"stream":"SAGA_kyc","seq":0,"error":{"code":500,"err_code":10047,"description":"insufficient storage resources available"}}`
		large   = `{"stream":"SAGA_kyc","seq":0,"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}`
		sealed  = `{"stream":"SAGA_kyc","seq":0,"error":{"code":400,"err_code":10109,"description":"invalid operation on sealed stream"}}`
		other   = `{"stream":"OTHER","seq":7}`
		noise   = `hello`
	)
	// What a look shows: nothing, or who holds which slot at which sequence.
	const (
		nothing = ""
		own     = "slot own 4"
		twin    = "slot twin 4"
		latch   = "guard other 5"
	)
	taken, behind := events.ErrTaken, events.ErrGuarded
	for _, c := range []struct {
		name    string
		answers []string // to each try
		looks   []string // after each answer that is no ack
		seq     uint64
		refused error
		failed  string
	}{
		{name: "ack", answers: []string{ack}, seq: 7},
		{name: "10071 and the guard stands", answers: []string{guarded}, looks: []string{latch}, refused: behind, seq: 5},
		{name: "10071 and my own is there", answers: []string{guarded}, looks: []string{own + "," + latch}, seq: 4},
		{name: "10071 and a twin's is there", answers: []string{guarded}, looks: []string{twin + "," + latch}, refused: behind, seq: 5},
		{name: "10071 and the replica is behind", answers: []string{guarded, guarded}, looks: []string{nothing, latch}, refused: behind, seq: 5},
		{name: "10071 and no guard after all", answers: []string{guarded, ack}, looks: []string{nothing}, seq: 7},
		{name: "10077 and my own is there", answers: []string{full}, looks: []string{own}, seq: 4},
		{name: "10077 and a twin's is there", answers: []string{full}, looks: []string{twin}, refused: taken, seq: 4},
		{name: "10077 for a twin's that never commits", answers: []string{full, full, ack}, looks: []string{nothing, nothing}, seq: 7},
		{name: "10077 and then the latch", answers: []string{full}, looks: []string{latch}, refused: behind, seq: 5},
		{name: "10164 and then ack", answers: []string{flight, flight, ack}, looks: []string{nothing, nothing}, seq: 7},
		{name: "10164 and then the latch", answers: []string{flight, guarded}, looks: []string{nothing, latch}, refused: behind, seq: 5},
		{name: "10164 and then a twin's", answers: []string{flight}, looks: []string{twin}, refused: taken, seq: 4},
		{name: "another code and then ack", answers: []string{store, ack}, looks: []string{nothing}, seq: 7},
		{name: "a stranger answers", answers: []string{noise, ack}, looks: []string{nothing}, seq: 7},
		{name: "another stream answers", answers: []string{other, ack}, looks: []string{nothing}, seq: 7},
		{name: "too large", answers: []string{large}, failed: "it is not written"},
		{name: "sealed", answers: []string{sealed}, failed: "it is not written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := brokertest.Open(t)
			e := newEvent(t, started("1"))
			guard, _ := e.Subject.Guard()
			answers, looks := &script{lines: c.answers}, &script{lines: c.looks}
			reply(t, log.Conn(), e.Subject.String(), func(m *nats.Msg) {
				if m.Header.Get("Nats-Expected-Last-Subject-Sequence") != "0" || m.Header.Get("Nats-Expected-Last-Subject-Sequence-Subject") != guard.String() || m.Header.Get("Nats-Msg-Id") != "" {
					t.Errorf("headers %v", m.Header)
				}
				_ = m.Respond([]byte(answers.next(t)))
			})
			reply(t, log.Conn(), "$JS.API.DIRECT.GET.SAGA_kyc", func(m *nats.Msg) {
				show(t, m, looks.next(t), e, guard)
			})
			seq, err := log.Append(t.Context(), e)
			refusal, refused := errors.AsType[*events.Refusal](err)
			switch {
			case c.failed != "":
				if err == nil || refused || !strings.Contains(err.Error(), c.failed) {
					t.Fatalf("got %v, want %q", err, c.failed)
				}
			case c.refused != nil:
				if !refused || !errors.Is(err, c.refused) || refusal.Seq != c.seq {
					t.Fatalf("got %v, want a refusal: %v by %d", err, c.refused, c.seq)
				}
			case err != nil || seq != c.seq:
				t.Fatalf("got %d, %v, want %d", seq, err, c.seq)
			}
			if answers.left()+looks.left() > 0 {
				t.Fatalf("%d answers and %d looks were not asked for", answers.left(), looks.left())
			}
		})
	}
}

// A script is what to answer, one line after the other.
type script struct {
	mu    sync.Mutex
	lines []string
	told  int
}

func (s *script) next(t *testing.T) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == len(s.lines) {
		t.Errorf("asked once more than expected")
		return ""
	}
	s.told++
	return s.lines[s.told-1]
}

func (s *script) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines) - s.told
}

func reply(t *testing.T, nc *nats.Conn, subject string, answer nats.MsgHandler) {
	t.Helper()
	if _, err := nc.Subscribe(subject, answer); err != nil {
		t.Fatal(err)
	}
}

// show answers a direct read.
func show(t *testing.T, m *nats.Msg, what string, e events.Event, guard events.Subject) {
	if what == "" {
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Status": {"404"}}})
		return
	}
	last := "0"
	for _, line := range strings.Split(what, ",") {
		var which, id, seq string
		if _, err := fmt.Sscan(line, &which, &id, &seq); err != nil {
			t.Error(err)
		}
		subject := e.Subject
		if which == "guard" {
			subject = guard
		}
		if id == "own" {
			id = e.ID
		}
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{
			"ce-id": {id}, "Nats-Subject": {subject.String()}, "Nats-Sequence": {seq},
			"Nats-Last-Sequence": {last}, "Nats-Time-Stamp": {time.Now().Format(time.RFC3339Nano)},
		}})
		last = seq
	}
	_ = m.RespondMsg(&nats.Msg{Header: nats.Header{
		"Status": {"204"}, "Nats-Num-Pending": {"0"}, "Nats-Last-Sequence": {last}, "Nats-UpTo-Sequence": {"9"},
	}})
}

func TestAppendFindsItsOwnWhenTheAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := &tamperer{InProcessConnProvider: brokertest.Serve(t)}
		log, err := broker.Connect(t.Context(), broker.Config{InProcess: wire})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		ensure(t, log)
		for _, s := range []events.Subject{task("1"), started("1")} {
			wire.said.spoil(1, `(PUB saga\S+) _INBOX`, `$1 _LOSTX`)
			seq := write(t, log, s)
			if wire.said.left() > 0 {
				t.Fatal("no answer was lost")
			}
			history, err := log.History(t.Context(), typ, "1", seq)
			if err != nil || history[len(history)-1].Seq != seq {
				t.Fatalf("%v, %v", history, err)
			}
		}
		// The message itself is lost.
		wire.said.spoil(1, `(PUB )saga`, `${1}lost`)
		write(t, log, task("2"))
	})
}

func TestAppendNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := brokertest.Serve(t)
		log := brokertest.Connect(t, server, broker.Config{})
		ensure(t, log)
		server.Shutdown()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := log.Append(ctx, newEvent(t, task("1")))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nobody knows") {
			t.Fatalf("got %v", err)
		}
	})
}

// TestTroubleIsToldOnce, however long it lasts; and a short one not at all.
func TestTroubleIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines journal
		log := brokertest.Connect(t, brokertest.Serve(t), broker.Config{Logger: lines.logger()})
		reply(t, log.Conn(), task("1").String(), func(m *nats.Msg) {
			_ = m.Respond([]byte(`{"stream":"SAGA_kyc","seq":0,"error":{"code":503,"err_code":10077,"description":"no space left on device"}}`))
		})
		for tried, lasts := range []time.Duration{time.Second, time.Hour} {
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			_, err := log.Append(ctx, newEvent(t, task("1")))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no space left") {
				t.Fatalf("got %v", err)
			}
			if lines.count("\n") != tried {
				t.Fatalf("after %v:\n%s", lasts, lines.String())
			}
		}
	})
}

func TestAppendTooLarge(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	e := newEvent(t, task("1"))
	e.Data = json.RawMessage(`"` + strings.Repeat("x", 2<<20) + `"`)
	if _, err := log.Append(t.Context(), e); !errors.Is(err, nats.ErrMaxPayload) || !strings.Contains(err.Error(), "it is not written") {
		t.Fatalf("got %v", err)
	}
	e.ID, e.Data = "", nil
	if _, err := log.Append(t.Context(), e); err == nil || !strings.Contains(err.Error(), "no id") {
		t.Fatalf("got %v", err)
	}
}

// TestPermissionDenied: the broker says so beside the request, not in answer.
func TestPermissionDenied(t *testing.T) {
	srv := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Tune: func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "admin", Password: "x"},
			{Username: "agent", Password: "x", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Allow: []string{"saga.kyc.check.>", "$JS.API.DIRECT.GET.OTHER"}},
			}},
		}
	}})
	admin := connectAs(t, srv, "admin", nil)
	ensure(t, admin)
	var lines journal
	agent := connectAs(t, srv, "agent", &lines)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := agent.Append(ctx, newEvent(t, started("1"))); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"append":  second(agent.Append(ctx, newEvent(t, task("1")))),
		"history": second(agent.History(ctx, typ, "1", 0)),
		"ensure":  agent.Ensure(ctx, typ),
		"timer":   agent.SetTimer(ctx, events.Timer{Type: typ, To: "a", What: events.AdvanceTimer, ID: "1"}),
		"consume": agent.Consume(ctx, tasks("c"), nil),
		"follow":  agent.Follow(ctx, typ, "", 0, nil),
		"put":     second(agent.Put(ctx, typ, []byte("x"))),
		"get":     second(agent.Get(ctx, typ, events.RefOf([]byte("x")))),
	} {
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "permission denied") || !strings.Contains(err.Error(), "hint:") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func connectAs(t *testing.T, srv *broker.Server, user string, lines *journal) *broker.Log {
	t.Helper()
	c := broker.Config{Options: []nats.Option{nats.UserInfo(user, "x")}}
	if lines != nil {
		c.Logger = lines.logger()
	}
	return brokertest.Connect(t, srv, c)
}
