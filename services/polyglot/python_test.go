package polyglot_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
)

const pythonAgent = "document-validation"

// playPython has what the agent in Python did stand in its own database, which is
// looked into, and never the history.
func playPython(t *testing.T, h *house) {
	t.Run("forward, and undone", func(t *testing.T) {
		h.apply("fine", false)
		h.apply("refused", true)
		h.ends("fine", saga.Completed)
		assert.Equal(t, "done", h.entered("fine"))
		s := h.ends("refused", saga.Compensated)
		assert.Equal(t, events.FoundUndone, s.Step(pythonAgent).Undo(pythonAgent).Done.Found)
		assert.Equal(t, "dead", h.entered("refused"))
	})

	t.Run("the program is killed at its work", func(t *testing.T) {
		h.apply("py-killed", false)
		h.passportOf("py-killed")
		require.NoError(t, syscall.Kill(h.program(), syscall.SIGKILL))
		s := h.ends("py-killed", saga.Completed)
		st := s.Step(pythonAgent)
		assert.Equal(t, events.Unknown, st.Attempts[0].Failure.Class, "nobody knows what a program did that was killed")
		assert.Equal(t, "done", h.entered("py-killed"))
	})

	t.Run("the sidecar is killed at its work", func(t *testing.T) {
		h.apply("left", false)
		h.passportOf("left")
		program := h.program()
		require.NoError(t, h.crew.Kill(pythonAgent))
		s := h.ends("left", saga.Completed)
		assert.Equal(t, events.CauseTakeover, s.Step(pythonAgent).Attempts[1].Claim.Cause)
		assert.Equal(t, "done", h.entered("left"))
		assert.NotEqual(t, program, h.program(), "the program dies with its sidecar")
	})

	t.Run("cancelled while it works", func(t *testing.T) {
		h.apply("py-cancelled", false)
		h.passportOf("py-cancelled")
		require.NoError(t, client.Cancel(h.ctx, h.crew.Log(), "kyc", "py-cancelled", "test", "no more"))
		s := h.ends("py-cancelled", saga.Compensated)
		u := s.Step(pythonAgent).Undo(pythonAgent)
		require.NotNil(t, u)
		assert.Nil(t, u.Order, "nobody knows of it, so nobody asks")
		assert.Equal(t, "dead", h.entered("py-cancelled"))
	})
}

// passportOf waits until a saga's passport is entered: its agent is at it.
func (h *house) passportOf(id string) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.entered(id) == "done" }, 30*time.Second, 20*time.Millisecond)
}

// entered reads the agent's own database: done, dead, or nothing.
func (h *house) entered(id string) (state string) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+h.register+"?mode=ro&_pragma=busy_timeout(5000)")
	require.NoError(h.t, err)
	defer db.Close()
	key := fmt.Sprintf("kyc/%s/%s/%[2]s", id, pythonAgent)
	err = db.QueryRowContext(h.ctx, `SELECT state FROM barrier WHERE key = ?`, key).Scan(&state)
	if !errors.Is(err, sql.ErrNoRows) {
		require.NoError(h.t, err)
	}
	return state
}

// program finds the process of the agent's program: the child of its sidecar.
func (h *house) program() (pid int) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		for _, p := range h.crew.Processes() {
			if p.Agent != pythonAgent || p.PID == 0 {
				continue
			}
			files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.PID))
			for _, file := range files {
				text, _ := os.ReadFile(file)
				if fields := strings.Fields(string(text)); len(fields) > 0 {
					pid, _ = strconv.Atoi(fields[0])
				}
			}
		}
		return pid > 0
	}, 10*time.Second, 20*time.Millisecond)
	return pid
}
