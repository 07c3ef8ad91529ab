package polyglot_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

const nodeAgent = "risk-scoring"

// playNode has the case that the agent in JavaScript opens stand in its own file, which
// is looked into, and never the history. It is two processes.
func playNode(t *testing.T, h *house) {
	t.Run("two replicas, and a refusal in every fourth", func(t *testing.T) {
		const crowd = 12
		for n := range crowd {
			h.apply(fmt.Sprintf("crowd-%d", n), n%4 == 3)
		}
		for n := range crowd {
			id := fmt.Sprintf("crowd-%d", n)
			if n%4 == 3 {
				s := h.ends(id, saga.Compensated)
				st := s.Step(nodeAgent)
				assert.Equal(t, "risk", st.Last().Failure.Error.Code)
				assert.Contains(t, st.Last().Failure.Error.Message, "screening 80")
				assert.Empty(t, h.case_(id), "nothing is opened for who is refused")
				continue
			}
			s := h.ends(id, saga.Completed)
			assert.Len(t, s.Step(nodeAgent).Attempts, 1)
			assert.Equal(t, "there", h.case_(id))
		}
	})

	t.Run("killed at its work", func(t *testing.T) {
		h.apply("killed", false)
		h.atWork("killed")
		require.NoError(t, h.crew.Kill(nodeAgent))
		st := h.ends("killed", saga.Completed).Step(nodeAgent)
		require.Len(t, st.Attempts, 2)
		assert.Equal(t, events.CauseTakeover, st.Attempts[1].Claim.Cause)
		assert.NotEqual(t, st.Attempts[0].Claim.Instance, st.Attempts[1].Claim.Instance)
		assert.Equal(t, "there", h.case_("killed"))
	})

	t.Run("cancelled while it works", func(t *testing.T) {
		h.apply("cancelled", false)
		h.atWork("cancelled")
		require.NoError(t, client.Cancel(h.ctx, h.crew.Log(), "kyc", "cancelled", "test", "no more"))
		h.undoesItsOwn("cancelled")
	})

	t.Run("out of time while it works", func(t *testing.T) {
		h.apply("late", false)
		h.atWork("late")
		require.NoError(t, h.crew.Log().SetTimer(h.ctx, events.Timer{
			Type: "kyc", To: events.Everyone, What: events.DeadlineTimer, ID: "late", Due: time.Now(),
		}))
		s := h.undoesItsOwn("late")
		assert.Equal(t, events.ReasonDeadline, s.Turn.Reason)
	})

	t.Run("killed while the saga turns", func(t *testing.T) {
		h.apply("turned", false)
		h.atWork("turned")
		require.NoError(t, h.crew.Park(nodeAgent))
		require.NoError(t, client.Cancel(h.ctx, h.crew.Log(), "kyc", "turned", "test", "no more"))
		require.NoError(t, h.crew.Unpark(nodeAgent))
		h.undoesItsOwn("turned")
	})

	t.Run("what is no event, and a bare task", func(t *testing.T) {
		nc := h.crew.Log().Conn()
		for _, subject := range []string{"saga.kyc.face-matching.completed.no-event", "saga.kyc.document-validation.completed.nobody", "saga.kyc.risk-scoring.compensate-risk-scoring.nobody"} {
			require.NoError(t, nc.Publish(subject, []byte("{")))
		}
		task, err := world.Someone(0).Task()
		require.NoError(t, err)
		require.NoError(t, nc.Publish("saga.kyc.task.submitted.bare", task))
		h.ends("bare", saga.Completed)
		history := h.history("nobody")
		assert.Len(t, history, 2, "somebody answered to what makes no sense:\n%s", history)
	})

	t.Run("a process killed again and again", func(t *testing.T) {
		const crowd = 12
		for n := range crowd {
			h.apply(fmt.Sprintf("storm-%d", n), n%4 == 3)
		}
		for range 5 {
			time.Sleep(600 * time.Millisecond) // what dies is at work, or has just begun
			require.NoError(t, h.crew.Kill(fmt.Sprintf("%s#%d", nodeAgent, 1+rand.IntN(2))))
		}
		for n := range crowd {
			id := fmt.Sprintf("storm-%d", n)
			if n%4 == 3 {
				h.ends(id, saga.Compensated)
				assert.Empty(t, h.case_(id))
			} else {
				h.ends(id, saga.Completed)
				assert.Equal(t, "there", h.case_(id))
			}
		}
	})
}

// atWork waits until the case of a saga is open: its agent is at it.
func (h *house) atWork(id string) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.case_(id) == "there" }, 30*time.Second, 20*time.Millisecond)
}

// install fetches what the agent in JavaScript needs, as its lock file says.
func install(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("risk-scoring/node_modules/nats"); err == nil {
		return
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci")
	npm.Dir = nodeAgent
	output, err := npm.CombinedOutput()
	require.NoError(t, err, "npm ci (hint: `make deps` installs Node and npm)\n%s", output)
}

// undoesItsOwn waits for the end of a saga that turned while the agent in
// JavaScript was at work: its completion is refused, so it undoes what it did,
// without being asked.
func (h *house) undoesItsOwn(id string) *saga.State {
	h.t.Helper()
	s := h.ends(id, saga.Compensated)
	st := s.Step(nodeAgent)
	assert.Nil(h.t, st.Done)
	u := st.Undo(nodeAgent)
	require.NotNil(h.t, u)
	assert.Nil(h.t, u.Order, "nobody knows of it, so nobody asks")
	assert.Equal(h.t, events.FoundUndone, u.Done.Found)
	assert.Equal(h.t, "undone", h.case_(id))
	return s
}

// case_ reads the agent's own file: a saga's case is there, undone or neither.
func (h *house) case_(id string) (state string) {
	h.t.Helper()
	text, err := os.ReadFile(h.cases)
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(h.t, err)
	for line := range bytes.Lines(text) {
		var l struct{ Key, Op string }
		if json.Unmarshal(line, &l) != nil || !strings.HasPrefix(l.Key, "kyc/"+id+"/") {
			continue
		}
		switch {
		case l.Op == "undo":
			state = "undone"
		case state == "":
			state = "there"
		}
	}
	return state
}

// Without a broker an agent waits, and says so once, without the password.
func TestNodeWithoutABroker(t *testing.T) {
	install(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := l.Addr().String()
	require.NoError(t, l.Close())

	node := exec.CommandContext(t.Context(), "node", "risk-scoring.mjs", "agent.yaml")
	node.Dir, node.Env = nodeAgent, append(os.Environ(), "NATS_URL=nats://kyc:secret@"+nobody, "KYC_STATE="+t.TempDir())
	errs, err := node.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	line, err := bufio.NewReader(errs).ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "no broker answers yet")
	assert.Contains(t, line, nobody)
	assert.NotContains(t, line, "secret")
	require.NoError(t, node.Process.Signal(os.Interrupt))
	require.NoError(t, node.Wait(), "told to stop, it stops")
}
