//go:build unix

package sidecar_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/sidecar"
)

// A program that closes connections as soon as they lie idle, as many do after some
// seconds, cuts no call.
func TestConnectionsThatAreClosed(t *testing.T) {
	var calls atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		calls.Add(1)
		_, _ = io.WriteString(w, "1")
	}))
	s.Config.IdleTimeout = 200 * time.Microsecond
	s.Start()
	defer s.Close()
	perform := sidecar.Program{Outside: config.Outside{HTTP: s.URL}}.Perform()
	for n := range 300 {
		require.Equal(t, "done 1", told(perform(within(t), task)), "call %d", n)
	}
	require.EqualValues(t, 300, calls.Load(), "a call was sent twice")
}

// A call whose connection is cut is not sent again, though it has a key: that is for
// whoever counts the attempts.
func TestACutCallIsSentOnce(t *testing.T) {
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if calls.Add(1) == 1 {
			return // the connection is kept
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}))
	defer s.Close()
	perform := sidecar.Program{Outside: config.Outside{HTTP: s.URL}}.Perform()
	require.Equal(t, "done", told(perform(within(t), task)))
	require.Equal(t, "unknown ", told(perform(within(t), task)))
	require.EqualValues(t, 2, calls.Load())
}

// Whom nobody trusts was told nothing.
func TestNobodyIsToldWhoIsNotTrusted(t *testing.T) {
	var calls atomic.Int64
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer s.Close()
	require.Equal(t, "unavailable not_trusted", told(sidecar.Program{Outside: config.Outside{HTTP: s.URL}}.Perform()(within(t), task)))
	require.Zero(t, calls.Load())
}

// Who accepts no connection in time has done nothing.
func TestNoConnectionInTime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	// It is connected, and then nobody shakes hands.
	_, err = sidecar.Program{Outside: config.Outside{HTTP: "https://" + l.Addr().String()}}.Perform()(ctx, task)
	f, ok := errors.AsType[*agent.Failure](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "not_there", f.Code)
	require.Equal(t, events.Transient, agent.Class(err))
}
