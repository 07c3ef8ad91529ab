package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// freePort is one that nobody listens on now.
func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestConnectWaitsForTheBroker(t *testing.T) {
	port := freePort(t)
	var lines journal
	connected := make(chan *broker.Log, 1)
	go func() {
		log, err := broker.Connect(t.Context(), broker.Config{URL: fmt.Sprintf("nats://me:secret@127.0.0.1:%d", port), Logger: lines.logger()})
		if err != nil {
			t.Error(err)
		}
		connected <- log
	}()
	time.Sleep(1500 * time.Millisecond)
	brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Port: port})
	log := await(t, connected, 10*time.Second, "connection")
	t.Cleanup(log.Close)
	if lines.count("no broker answers yet") != 1 || lines.count("connected") != 1 || lines.count("\n") != 2 || lines.count("secret") > 0 {
		t.Fatalf("want one line of each, got:\n%s", lines.String())
	}
}

func TestConnectGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	t.Setenv("NATS_URL", fmt.Sprintf("nats://me:secret@127.0.0.1:%d", freePort(t)))
	var lines journal
	_, err := broker.Connect(ctx, broker.Config{Logger: lines.logger()})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "hint:") || strings.Contains(err.Error(), "secret") {
		t.Fatalf("got %v", err)
	}
}

// TestConnectFailsAtOnce where waiting does not help.
func TestConnectFailsAtOnce(t *testing.T) {
	srv := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Tune: func(o *server.Options) {
		o.Users = []*server.User{{Username: "me", Password: "secret"}}
	}})
	for name, c := range map[string]broker.Config{
		"no user":         {URL: srv.ClientURL()},
		"wrong password":  {URL: strings.Replace(srv.ClientURL(), "//", "//me:wrong@", 1)},
		"no credentials":  {URL: srv.ClientURL(), Creds: "/nowhere/me.creds"},
		"unknown context": {Context: "nowhere"},
		"bad address":     {URL: "nats://%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := broker.Connect(ctx, c)
			if err == nil || ctx.Err() != nil || strings.Contains(err.Error(), "wrong") {
				t.Fatalf("got %v", err)
			}
			if name != "bad address" && !strings.Contains(err.Error(), "hint:") {
				t.Fatalf("no hint: %v", err)
			}
		})
	}
}

// TestConnectByContext reads a context as the nats tool writes it.
func TestConnectByContext(t *testing.T) {
	srv := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Tune: func(o *server.Options) {
		o.Users = []*server.User{{Username: "me", Password: "secret"}}
		o.JetStreamDomain = "hub"
	}})
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	path := filepath.Join(home, "nats", "context", "mine.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"url": %q, "user": "me", "password": "secret", "jetstream_domain": "hub"}`, srv.ClientURL())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", path} {
		log, err := broker.Connect(t.Context(), broker.Config{Context: name})
		if err != nil {
			t.Fatal(err)
		}
		ensure(t, log)
		log.Close()
	}
}

// TestReconnect: the server goes and comes back; that is said once each, and
// nothing is lost or doubled.
func TestReconnect(t *testing.T) {
	port, folder := freePort(t), t.TempDir()
	srv := brokertest.ServeAt(t, folder, broker.ServerConfig{Port: port})
	var lines journal
	log, err := broker.Connect(t.Context(), broker.Config{URL: srv.ClientURL(), Logger: lines.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	ensure(t, log)

	seen, consumed := make(chan uint64, 100), make(chan events.Delivery, 100)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() {
		followed <- log.Follow(ctx, typ, "", 0, func(e events.Event) error { seen <- e.Seq; return nil })
	}()
	stop := consume(t, log, tasks("c"), acked(t, consumed))
	write(t, log, task("1"))
	await(t, seen, 5*time.Second, "event")
	await(t, consumed, 5*time.Second, "delivery")

	for round := 2; round < 4; round++ {
		id := fmt.Sprint(round)
		srv.Shutdown()
		appended := make(chan error, 1)
		go func() {
			_, err := log.Append(t.Context(), newEvent(t, task(id)))
			appended <- err
		}()
		time.Sleep(time.Second)
		srv = brokertest.ServeAt(t, folder, broker.ServerConfig{Port: port})
		if err := await(t, appended, 15*time.Second, "append"); err != nil {
			t.Fatal(err)
		}
		if seq := await(t, seen, 15*time.Second, "event"); seq != uint64(round) {
			t.Fatalf("saw event %d, want %d", seq, round)
		}
		if d := await(t, consumed, 15*time.Second, "delivery"); d.Event.Subject != task(id) {
			t.Fatalf("consumed %s, want task %s", d.Subject, id)
		}
	}
	stop()
	cancel()
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
	if len(seen)+len(consumed) > 0 {
		t.Fatalf("%d events and %d deliveries too many", len(seen), len(consumed))
	}
	if lines.count("is lost, trying on") != 2 || lines.count("the connection to the broker is back") != 2 {
		t.Fatalf("want two lines of each, got:\n%s", lines.String())
	}
	t.Log(lines.String())
}
