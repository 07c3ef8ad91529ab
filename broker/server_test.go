package broker_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
)

// TestOneServerForEachFolder: JetStream itself would let both accept the same
// once-only subject.
func TestOneServerForEachFolder(t *testing.T) {
	folder := t.TempDir()
	first := brokertest.ServeAt(t, folder, broker.ServerConfig{DontListen: true})
	_, err := broker.Embed(t.Context(), folder, broker.ServerConfig{DontListen: true})
	if err == nil {
		t.Fatal("two servers on one folder")
	}
	for _, want := range []string{folder, "in use by process", "hint:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
	first.Shutdown()
	first.Shutdown()
	brokertest.ServeAt(t, folder, broker.ServerConfig{DontListen: true})
}

func TestUnusableStore(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A file where JetStream wants a folder of its own.
	inside := filepath.Join(folder, "inside")
	if err := os.MkdirAll(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, where := range map[string]string{
		"a file in the way":   file,
		"below a file":        filepath.Join(file, "store"),
		"not writable":        "/proc/unwind",
		"a file in the store": inside,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			var lines journal
			_, err := broker.Embed(t.Context(), where, broker.ServerConfig{DontListen: true, Logger: lines.logger()})
			if err == nil || !strings.Contains(err.Error(), where) {
				t.Fatalf("got %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Fatalf("it took %v", took)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var lines journal
	folder := t.TempDir()
	_, err = broker.Embed(t.Context(), folder, broker.ServerConfig{Port: taken.Addr().(*net.TCPAddr).Port, Logger: lines.logger()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("got %v", err)
	}
	brokertest.ServeAt(t, folder, broker.ServerConfig{}) // the folder is free again
}

func TestEmbedIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	if s, err := broker.Embed(ctx, folder, broker.ServerConfig{DontListen: true}); err == nil {
		s.Shutdown() // it was faster
	} else if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// What was given up lets go of the folder when it has come back.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s, err := broker.Embed(t.Context(), folder, broker.ServerConfig{DontListen: true})
		if err == nil {
			s.Shutdown()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestClientURL(t *testing.T) {
	listening := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{})
	if url := listening.ClientURL(); !strings.HasPrefix(url, "nats://127.0.0.1:") {
		t.Fatalf("%q", url)
	}
	if url := brokertest.Serve(t).ClientURL(); url != "" {
		t.Fatalf("a server that does not listen is at %q", url)
	}
}

func TestServerSettings(t *testing.T) {
	var got server.Options
	brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{
		DontListen: true, SyncAlways: true, SyncInterval: time.Second, MaxPayload: 1000, MaxStore: 1e9, NoSublistCache: true,
		Tune: func(o *server.Options) { got = *o },
	})
	if !got.SyncAlways || got.SyncInterval != time.Second || got.MaxPayload != 1000 || got.JetStreamMaxStore != 1e9 || !got.NoSublistCache || !got.NoSigs || got.Host != "127.0.0.1" {
		t.Fatalf("%+v", got)
	}
}
