package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/biometrics/provider"
	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/kyctest"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

func desk(t testing.TB) *kyctest.Desk { return kyctest.Open(t, kyctest.World(t), open, "") }

// watched is a desk whose calls to the provider are seen before they arrive.
func watched(t *testing.T, see func(*kyctest.Desk, *http.Request)) *kyctest.Desk {
	t.Helper()
	w := kyctest.World(t)
	house := w.Provider.Handler()
	var d *kyctest.Desk
	street := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		see(d, r)
		house.ServeHTTP(w, r)
	}))
	t.Cleanup(street.Close)
	d = kyctest.Open(t, w, open, "", "FACE_PROVIDER="+street.URL)
	return d
}

// both is what a comparison leaves.
var both = map[string]int{"face-matching": 1, "provider": 1}

func TestBarrier(t *testing.T) {
	kyctest.Suite(t, kyctest.Case{Open: desk, Person: world.Someone(0), There: map[string]int{"provider": 1}})
}

func TestMatch(t *testing.T) {
	d := desk(t)
	result, err := d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, world.Someone(0)), nil))
	require.NoError(t, err)
	var l kyc.Likeness
	require.NoError(t, json.Unmarshal([]byte(result), &l))
	assert.Equal(t, "face-matching", l.By)
	assert.Equal(t, face.Match, l.Threshold)
	assert.GreaterOrEqual(t, l.Similarity, l.Threshold)
	assert.NotContains(t, result, "id", "the template's id is nobody's business but ours")
}

// Whoever is refused leaves no template behind.
func TestRefused(t *testing.T) {
	stranger := world.Someone(3)
	stranger.Selfie = 5
	for name, tc := range map[string]struct {
		payload    []byte
		code, says string
	}{
		"somebody else": {kyctest.Payload(t, stranger), "no_match", "somebody else"},
		"no face": {
			kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) { a.Selfie = []byte("me at the sea") }),
			"status_422", "neither a png nor a jpeg",
		},
		"no applicant": {[]byte(`{"nme":"Anna"}`), "bad_applicant", "read applicant"},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk(t)
			task := d.Task("1", tc.payload, nil)
			for range 2 {
				_, err := d.Perform(t.Context(), task)
				kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: tc.code, Says: tc.says})
				assert.Empty(t, d.There("1"))
			}
			require.ErrorIs(t, d.Undo(t.Context(), "1"), agent.ErrNothingFound)
		})
	}
}

// Each way in which the provider fails: what the saga is told, what is there,
// and that both ways on from there work.
func TestProviderFails(t *testing.T) {
	nothing, begun := map[string]int{}, map[string]int{"face-matching": 1}
	for name, tc := range map[string]struct {
		fault provider.Fault
		want  kyctest.Failed
		there map[string]int
	}{
		"down":              {provider.Fault{Mode: provider.Down}, kyctest.Failed{Class: events.Transient, Code: "status_503"}, nothing},
		"down for a while":  {provider.Fault{Mode: provider.Down, RetryAfter: 30}, kyctest.Failed{Class: events.Transient, Code: "status_503", After: 30 * time.Second}, nothing},
		"throttled":         {provider.Fault{Mode: provider.Throttle, RetryAfter: 7}, kyctest.Failed{Class: events.Transient, Code: "status_429", After: 7 * time.Second}, nothing},
		"silent":            {provider.Fault{Mode: provider.Hang, Count: 1}, kyctest.Failed{Class: events.Unknown, Says: "context canceled"}, both},
		"silent and idle":   {provider.Fault{Mode: provider.Hang, Before: true}, kyctest.Failed{Class: events.Unknown, Says: "context deadline exceeded"}, begun},
		"cut":               {provider.Fault{Mode: provider.Cut}, kyctest.Failed{Class: events.Unknown}, both},
		"cut before it did": {provider.Fault{Mode: provider.Cut, Before: true}, kyctest.Failed{Class: events.Unknown}, begun},
		"garbage":           {provider.Fault{Mode: provider.Garbage}, kyctest.Failed{Class: events.Unknown, Code: "status_200"}, both},
		"garbage, and idle": {provider.Fault{Mode: provider.Garbage, Before: true}, kyctest.Failed{Class: events.Unknown, Code: "status_200"}, begun},
	} {
		fail := func(t *testing.T) (*kyctest.Desk, agent.Task) {
			t.Helper()
			d := desk(t)
			task := d.Task("1", kyctest.Payload(t, world.Someone(0)), nil)
			require.NoError(t, d.World.Provider.Fail(tc.fault))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			switch {
			case tc.fault.Mode == provider.Hang && tc.fault.Before:
				ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
			case tc.fault.Mode == provider.Hang:
				// It is silent to the one call; how long that works is not to matter.
				go func() {
					defer cancel()
					for ctx.Err() == nil && (d.World.Provider.Fault().Mode == provider.Hang || !kept(ctx, d)) {
						time.Sleep(10 * time.Millisecond)
					}
				}()
			}
			defer cancel()
			_, err := d.Perform(ctx, task)
			kyctest.RequireFailed(t, err, tc.want)

			require.NoError(t, d.World.Provider.Fail(provider.Fault{}))
			assert.Equal(t, tc.there, d.There("1"))
			return d, task
		}
		t.Run(name+", tried again", func(t *testing.T) {
			t.Parallel()
			d, task := fail(t)
			task.Attempt++
			_, err := d.Perform(t.Context(), task)
			require.NoError(t, err)
			assert.Equal(t, both, d.There("1"))
		})
		t.Run(name+", undone", func(t *testing.T) {
			t.Parallel()
			d, task := fail(t)
			err := d.Undo(t.Context(), "1")
			if tc.there["provider"] > 0 {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, agent.ErrNothingFound)
			}
			assert.Empty(t, d.There("1"))
			_, err = d.Perform(t.Context(), task)
			require.ErrorIs(t, err, agent.ErrDead)
			assert.Empty(t, d.There("1"))
		})
	}
}

// kept says whether the provider has a template.
func kept(ctx context.Context, d *kyctest.Desk) bool {
	effects, err := d.World.Effects(ctx, "")
	return err == nil && slices.ContainsFunc(effects, func(e world.Effect) bool { return e.Where == "provider" })
}

// A compensation that fails is tried again, and the key is dead meanwhile.
func TestUndoingFails(t *testing.T) {
	for _, mode := range []provider.Mode{provider.Down, provider.Throttle, provider.Cut, provider.Garbage} {
		t.Run(string(mode), func(t *testing.T) {
			d := desk(t)
			task := d.Task("1", kyctest.Payload(t, world.Someone(0)), nil)
			_, err := d.Perform(t.Context(), task)
			require.NoError(t, err)
			require.NoError(t, d.World.Provider.Fail(provider.Fault{Mode: mode, Count: 2}))
			for range 2 {
				require.Error(t, d.Undo(t.Context(), "1"))
				require.Equal(t, barrier.Undoing, d.State("1"))
			}
			_, err = d.Perform(t.Context(), task)
			require.ErrorIs(t, err, agent.ErrDead)
			require.NoError(t, d.Undo(t.Context(), "1"), "it found something, though perhaps not this time")
			assert.Empty(t, d.There("1"))
		})
	}
}

// A provider that restarts is not unavailable: the same call works when it is
// back.
func TestProviderRestarts(t *testing.T) {
	w := kyctest.World(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := nobody.Addr().String()
	require.NoError(t, nobody.Close())
	d := kyctest.Open(t, w, open, "", "FACE_PROVIDER=http://"+addr)
	task := d.Task("1", kyctest.Payload(t, world.Someone(0)), nil)
	_, err = d.Perform(t.Context(), task)
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Transient, Says: "connection refused; nothing was done"})
	assert.Empty(t, d.There("1"))

	back, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	house := &httptest.Server{Listener: back, Config: &http.Server{Handler: w.Provider.Handler()}} //nolint:gosec // on loopback, for a test
	house.Start()
	t.Cleanup(house.Close)
	_, err = d.Perform(t.Context(), task)
	require.NoError(t, err)
	assert.Equal(t, both, d.There("1"))
}

// A face that does not match has to be forgotten before the applicant may be
// refused: else nobody would ask for it any more.
func TestForgettingAStrangerFails(t *testing.T) {
	var once sync.Once
	d := watched(t, func(d *kyctest.Desk, r *http.Request) {
		if r.Method == http.MethodDelete {
			once.Do(func() { assert.NoError(t, d.World.Provider.Fail(provider.Fault{Mode: provider.Down, Count: 1})) })
		}
	})
	stranger := world.Someone(3)
	stranger.Selfie = 5
	task := d.Task("1", kyctest.Payload(t, stranger), nil)
	_, err := d.Perform(t.Context(), task)
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Unknown, Says: "forget a face that does not match"})
	assert.Equal(t, both, d.There("1"))

	_, err = d.Perform(t.Context(), task)
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "no_match"})
	assert.Zero(t, d.There("1")["provider"])
	// The first attempt is still unknown to the store: its compensation looks.
	require.ErrorIs(t, d.Undo(t.Context(), "1"), agent.ErrNothingFound)
	assert.Empty(t, d.There("1"))
}

// A replica that lost its lease compares while its saga is undone: it finds the
// key dead when it is back, and forgets by itself what it has made.
func TestUndoneMeanwhile(t *testing.T) {
	for name, fault := range map[string]provider.Fault{
		"the answer comes":   {},
		"the answer is lost": {Mode: provider.Cut, Count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := watched(t, func(d *kyctest.Desk, r *http.Request) {
				if r.Method == http.MethodPost {
					// Its compensation finds nothing yet.
					assert.ErrorIs(t, d.Undo(t.Context(), "1"), agent.ErrNothingFound)
					assert.NoError(t, d.World.Provider.Fail(fault))
				}
			})
			_, err := d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, world.Someone(0)), nil))
			if fault.Mode == "" {
				require.ErrorIs(t, err, agent.ErrDead)
			} else {
				kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Unknown})
			}
			assert.Empty(t, d.There("1"))
		})
	}
}

func TestSettings(t *testing.T) {
	for _, url := range []string{"127.0.0.1:8090", "ftp://provider.example"} {
		_, err := open(kyctest.Office(t, kyctest.World(t), "", "FACE_PROVIDER="+url))
		require.ErrorContains(t, err, `face provider "`)
	}
}
