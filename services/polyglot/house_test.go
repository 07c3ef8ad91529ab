package polyglot_test

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/kyc/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

// TestAgents plays the KYC saga with its step document-validation performed in Python,
// beside a sidecar, its step risk-scoring in JavaScript, over plain NATS, and all
// others in Go.
func TestAgents(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	h := openHouse(t, ctx)
	playPython(t, h)
	playNode(t, h)
}

// A house is where the agents work.
type house struct {
	t    *testing.T
	ctx  context.Context
	crew *dev.Crew

	cases    string // the file of the agent in JavaScript
	register string // the database of the agent in Python
	people   int    // who have applied
}

func openHouse(t *testing.T, ctx context.Context) *house {
	t.Helper()
	folder := t.TempDir()
	w, err := world.Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	install(t)
	cast, err := dev.Find("../kyc/id-extraction", "../kyc/face-matching", "../kyc/face-matching-lite",
		"../kyc/notification", "document-validation", "risk-scoring")
	require.NoError(t, err)
	require.False(t, cast.Errors(), "%v %v", cast.Mistakes, cast.Findings)
	for i := range cast.Programs {
		if cast.Programs[i].Config.Agent == nodeAgent {
			cast.Programs[i].Replicas = 2
		}
	}
	crew, err := dev.Start(ctx, dev.Config{
		Store: filepath.Join(folder, "dev"), FirstDelay: 100 * time.Millisecond, MostDelay: 300 * time.Millisecond,
		Env:    append(w.Env(), "KYC_LEASE=3s", "RISK_TAKES=1s", "DOCUMENT_TAKES=1", "DOCUMENT_PORT="+freePort(t)),
		Unwind: tool(t), Output: t.Output(),
	}, cast.Programs)
	require.NoError(t, err)
	t.Cleanup(crew.Stop)
	require.NoError(t, crew.Ready(ctx))
	state := filepath.Join(folder, "agents")
	return &house{
		t: t, ctx: ctx, crew: crew,
		cases: filepath.Join(state, nodeAgent+".jsonl"), register: filepath.Join(state, pythonAgent+".db"),
	}
}

// tool builds the tool, which is the sidecar.
func tool(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "unwind")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../unwind").CombinedOutput()
	require.NoError(t, err, "%s", output)
	return binary
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// apply submits somebody's application: one passport serves one applicant.
func (h *house) apply(id string, refused bool) {
	h.t.Helper()
	h.people++
	person := world.Someone(h.people)
	if refused {
		person = world.Wanted(h.people)
	}
	task, err := person.Task()
	require.NoError(h.t, err)
	_, err = client.Submit(h.ctx, h.crew.Log(), "kyc", id, task, "test")
	require.NoError(h.t, err)
}

// ends waits for the end of a saga and holds its history against the invariants.
func (h *house) ends(id string, want saga.Status) *saga.State {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, time.Minute)
	defer cancel()
	s, err := client.Wait(ctx, h.crew.Log(), "kyc", id)
	history := h.history(id)
	require.NoError(h.t, err, "saga %s\n%s", id, sagatest.Transcript(history))
	require.Equal(h.t, want, s.Status(), "saga %s\n%s", id, sagatest.Transcript(history))
	require.NoError(h.t, sagatest.Check(history, false), "saga %s\n%s", id, sagatest.Transcript(history))
	return s
}

func (h *house) history(id string) []events.Event {
	h.t.Helper()
	history, err := h.crew.Log().History(context.WithoutCancel(h.ctx), "kyc", id, 0)
	require.NoError(h.t, err)
	return history
}
