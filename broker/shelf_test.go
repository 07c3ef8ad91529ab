package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

const (
	bucket  = "saga-kyc"
	objects = "OBJ_" + bucket
	chunk   = 128 << 10
)

// bytesOf is data that differs from place to place.
func bytesOf(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data)
	return data
}

func put(t testing.TB, log events.Log, data []byte) events.Ref {
	t.Helper()
	r, err := log.Put(t.Context(), typ, data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// has checks that the bucket holds so many messages, and reads the object.
func has(t testing.TB, log *broker.Log, messages int, r events.Ref, data []byte) {
	t.Helper()
	s, err := jetStream(t, log).Stream(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != uint64(messages) {
		t.Errorf("the bucket has %d messages, want %d", n, messages)
	}
	got, err := log.Get(t.Context(), typ, r)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("read %d bytes, %v", len(got), err)
	}
}

func parts(r events.Ref) string { return "$O." + bucket + ".C." + r.Sum() }

// TestPutStoresOnce, whoever stores the same bytes when: nothing is left of
// those who lost.
func TestPutStoresOnce(t *testing.T) {
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{})
	ensure(t, log)
	data := bytesOf(9*chunk + 1)
	var all sync.WaitGroup
	for range 8 {
		log := brokertest.Connect(t, server, broker.Config{})
		all.Go(func() { put(t, log, data) })
	}
	all.Wait()
	put(t, log, data)
	has(t, log, 11, events.RefOf(data), data)
}

// TestPutGoesOn where somebody died.
func TestPutGoesOn(t *testing.T) {
	log := brokertest.Open(t)
	js := jetStream(t, log)
	ensure(t, log)
	for stored := range 5 {
		data := bytesOf(3*chunk + 1 + stored)
		r := events.RefOf(data)
		for n := range stored {
			m := &nats.Msg{Subject: parts(r), Data: data[n*chunk : min((n+1)*chunk, len(data))], Header: nats.Header{"Unwind-Chunk": {strconv.Itoa(n + 1)}}}
			if _, err := js.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		put(t, log, data)
		has(t, log, 5*(stored+1), r, data)
	}
}

// TestPutFindsItsOwnWhenAnswersAreLost, and messages.
func TestPutFindsItsOwnWhenAnswersAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := &tamperer{InProcessConnProvider: brokertest.Serve(t)}
		log, err := broker.Connect(t.Context(), broker.Config{InProcess: wire})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		ensure(t, log)
		messages := 0
		for size, spoil := range map[int][2]string{
			2*chunk + 1: {`(PUB \$O\.saga-kyc\.C\S+) _INBOX`, `$1 _LOSTX`},
			2*chunk + 2: {`(PUB \$O\.saga-kyc\.M\S+) _INBOX`, `$1 _LOSTX`},
			2*chunk + 3: {`(PUB )\$O\.saga`, `${1}lostOga`},
		} {
			data := bytesOf(size)
			wire.said.spoil(1, spoil[0], spoil[1])
			r := put(t, log, data)
			if wire.said.left() > 0 {
				t.Fatalf("nothing was lost: %s", spoil[0])
			}
			messages += 4
			has(t, log, messages, r, data)
		}
	})
}

// TestClientsReadObjects: it is an object store like any other.
func TestClientsReadObjects(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	store, err := jetStream(t, log).ObjectStore(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, chunk, 5*chunk + 5} {
		data := bytesOf(size)
		r := put(t, log, data)
		got, err := store.GetBytes(t.Context(), r.Digest) // checks the client's own digest
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
		info, err := store.GetInfo(t.Context(), r.Digest)
		if err != nil || info.Size != uint64(size) || info.Bucket != bucket || int(info.Chunks) != (size+chunk-1)/chunk || info.Digest == "" {
			t.Fatalf("%+v, %v", info, err)
		}
	}
	list, err := store.List(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	// And nobody replaces or removes what is there by mistake.
	first := list[0].Name
	if _, err := store.PutString(t.Context(), first, "other"); err == nil {
		t.Fatal("an object was replaced")
	}
	if err := store.Delete(t.Context(), first); err == nil {
		t.Fatal("an object was removed")
	}
	if got, err := store.GetBytes(t.Context(), first); err != nil || events.RefOf(got).Digest != first {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// TestGetTellsDamage from what is not there any more.
func TestGetTellsDamage(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	s, err := jetStream(t, log).Stream(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	const size = 40 * chunk // more than one page
	for name, c := range map[string]struct {
		harm func(last uint64) error
		want error
	}{
		"the first part is gone": {func(last uint64) error { return s.DeleteMsg(t.Context(), last-40) }, events.ErrCorrupt},
		"a middle part is gone":  {func(last uint64) error { return s.DeleteMsg(t.Context(), last-20) }, events.ErrCorrupt},
		"the last part is gone":  {func(last uint64) error { return s.DeleteMsg(t.Context(), last-1) }, events.ErrCorrupt},
		"all is gone":            {func(uint64) error { return s.Purge(t.Context()) }, events.ErrNoObject},
		"more was written": {func(uint64) error {
			return second(jetStream(t, log).Publish(t.Context(), parts(events.RefOf(bytesOf(size))), []byte("x")))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytesOf(size)
			r := put(t, log, data)
			info, err := s.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.harm(info.State.LastSeq); err != nil {
				t.Fatal(err)
			}
			_, err = log.Get(t.Context(), typ, r)
			if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), r.Digest) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPutMeetsAStranger(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	for i, header := range []nats.Header{nil, {"Unwind-Chunk": {"0"}}, {"Unwind-Chunk": {"2"}}, {"Unwind-Chunk": {"one"}}} {
		data := bytesOf(10 + i)
		if _, err := jetStream(t, log).PublishMsg(t.Context(), &nats.Msg{Subject: parts(events.RefOf(data)), Header: header}); err != nil {
			t.Fatal(err)
		}
		_, err := log.Put(t.Context(), typ, data)
		if err == nil || !strings.Contains(err.Error(), "it is not stored: a stranger wrote under its name") {
			t.Fatalf("got %v", err)
		}
	}
}

func TestFetchTellsProgress(t *testing.T) {
	log := brokertest.Open(t)
	ensure(t, log)
	data := bytesOf(40 * chunk)
	var seen []int64
	if _, err := log.Fetch(t.Context(), typ, put(t, log, data), func(n int64) { seen = append(seen, n) }); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint([]int64{16 * chunk, 32 * chunk, 40 * chunk}); fmt.Sprint(seen) != want {
		t.Fatalf("got %v, want %v", seen, want)
	}
}

func TestShelfWithoutABroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := brokertest.Serve(t)
		log := brokertest.Connect(t, server, broker.Config{})
		ensure(t, log)
		r := put(t, log, bytesOf(1))
		server.Shutdown()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := log.Put(ctx, typ, bytesOf(2))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nobody knows whether it is stored") {
			t.Fatalf("got %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := log.Get(ctx, typ, r); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	})
}

// TestShelfInACluster reads at each server what was stored at another, while
// leaders step down.
func TestShelfInACluster(t *testing.T) {
	t.Parallel()
	var logs []*broker.Log
	for _, s := range cluster(t) {
		log, err := broker.Connect(t.Context(), broker.Config{URL: s.ClientURL(), Replicas: 3, Logger: new(journal).logger()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		logs = append(logs, log)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := logs[0].Ensure(ctx, typ); err != nil {
		t.Fatal(err)
	}
	unrest, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		for unrest.Err() == nil {
			_, _ = logs[2].Conn().RequestWithContext(unrest, "$JS.API.STREAM.LEADER.STEPDOWN."+objects, nil)
			time.Sleep(300 * time.Millisecond)
		}
	})
	const n = 24
	for i := range n {
		data := bytesOf(i*chunk/2 + 1)
		var twins sync.WaitGroup
		for _, log := range logs[:2] {
			twins.Go(func() {
				r, err := log.Put(ctx, typ, data)
				if err != nil {
					t.Error(err)
					return
				}
				for _, reader := range logs {
					if got, err := reader.Get(ctx, typ, r); err != nil || !bytes.Equal(got, data) {
						t.Errorf("object %d: %d bytes, %v", i, len(got), err)
					}
				}
			})
		}
		twins.Wait()
	}
	stop()
	all.Wait()
	want := uint64(0)
	for i := range n {
		want += 1 + uint64(i*chunk/2+1+chunk-1)/chunk
	}
	s, err := jetStream(t, logs[0]).Stream(ctx, objects)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := s.Info(ctx); err != nil || info.State.Msgs != want {
		t.Fatalf("%d messages, want %d, %v", info.State.Msgs, want, err)
	}
}

func TestEnsureRefusesAClientsBucket(t *testing.T) {
	log := brokertest.Open(t)
	if _, err := jetStream(t, log).CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: bucket, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	err := log.Ensure(t.Context(), typ)
	for _, want := range []string{"ensure stream " + objects, "max_age is 1h0m0s, want 0s", "allow_rollup_hdrs is true, want false", "hint:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v, want %q", err, want)
		}
	}
}

// BenchmarkShelf stores results, each of them new, and reads them.
func BenchmarkShelf(b *testing.B) {
	for _, always := range []bool{false, true} {
		log := brokertest.Connect(b, brokertest.ServeAt(b, b.TempDir(), broker.ServerConfig{SyncAlways: always}), broker.Config{})
		ensure(b, log)
		for _, size := range []int{100 << 10, 5 << 20} {
			data := bytesOf(size)
			b.Run(fmt.Sprintf("always=%v/put/%d", always, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					_, _ = rand.NewChaCha8([32]byte{byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int())}).Read(data[:32])
					put(b, log, data)
				}
			})
			r := put(b, log, data)
			b.Run(fmt.Sprintf("always=%v/get/%d", always, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := log.Get(b.Context(), typ, r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
