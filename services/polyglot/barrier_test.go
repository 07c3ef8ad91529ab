package polyglot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// alone starts the agent in Python without its sidecar, and returns who asks it.
func alone(t *testing.T) func(path, saga, key, data string) string {
	t.Helper()
	port := freePort(t)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	program := exec.CommandContext(ctx, "python3", "agent.py")
	program.Dir = pythonAgent
	program.Env = append(os.Environ(), "DOCUMENT_PORT="+port, "KYC_STATE="+t.TempDir())
	program.Stderr = t.Output()
	require.NoError(t, program.Start())
	t.Cleanup(func() { _ = program.Process.Kill(); _ = program.Wait() })
	ask := func(path, saga, key, data string) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+port+path, bytes.NewReader([]byte(data)))
		if err != nil {
			return "", err
		}
		r.Header.Set("ce-subject", saga)
		r.Header.Set("Idempotency-Key", key)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	require.Eventually(t, func() bool { _, err := ask("/", "", "", "{}"); return err == nil }, 20*time.Second, 20*time.Millisecond)
	return func(path, saga, key, data string) string {
		text, err := ask(path, saga, key, data)
		assert.NoError(t, err)
		return text
	}
}

// passport is a call with what id-extraction read.
func passport(number, birth, expiry string) string {
	return fmt.Sprintf(`{"task": {}, "results": {"id-extraction": {"issuer": "UTO", "number": %q, "birth": %q, "expiry": %q,
		"checks": [{"field": "number", "printed": "3", "computed": "3"}]}}}`, number, birth, expiry)
}

func later() string { return time.Now().AddDate(5, 0, 0).Format(time.DateOnly) }

func outcome(t *testing.T, text string) string {
	t.Helper()
	var a struct{ Outcome string }
	require.NoError(t, json.Unmarshal([]byte(text), &a), text)
	return a.Outcome
}

// The rules of saga/barrier, kept in Python.
func TestBarrierInPython(t *testing.T) {
	t.Parallel()
	ask := alone(t)
	perform := func(saga, key, number string) string {
		return ask("/perform", saga, key, passport(number, "1985-03-10", later()))
	}
	undo := func(saga, key string) string {
		return ask("/compensate", saga, key+"/undo", fmt.Sprintf(`{"reason": "failed", "attempt": 1, "of": %q}`, key))
	}
	t.Run("a duplicate gets its first answer", func(t *testing.T) {
		first := perform("a", "a", "1")
		require.Equal(t, "completed", outcome(t, first))
		require.Equal(t, first, perform("a", "a", "another"), "though it asks for something else")
	})
	t.Run("undone, and dead", func(t *testing.T) {
		first := undo("a", "a")
		require.Equal(t, "completed", outcome(t, first))
		require.Equal(t, first, undo("a", "a"), "a duplicate gets its first answer")
		require.Equal(t, "dead", outcome(t, perform("a", "a", "1")))
		require.Equal(t, "completed", outcome(t, perform("b", "b", "1")), "the passport is free again")
	})
	t.Run("undone before it was done", func(t *testing.T) {
		require.Equal(t, "nothing", outcome(t, undo("early", "early")))
		require.Equal(t, "dead", outcome(t, perform("early", "early", "2")))
		require.Equal(t, "nothing", outcome(t, undo("early", "early")))
		require.Equal(t, "completed", outcome(t, perform("c", "c", "2")), "nothing was left of it")
	})
	t.Run("one passport at the same moment", func(t *testing.T) {
		var all sync.WaitGroup
		var answers [8]string
		for i := range answers {
			all.Go(func() { answers[i] = perform(fmt.Sprint("r", i), fmt.Sprint("r", i), "3") })
		}
		all.Wait()
		count := map[string]int{}
		for _, a := range answers {
			count[outcome(t, a)]++
		}
		require.Equal(t, map[string]int{"completed": 1, "refused": 7}, count)
	})
	t.Run("refused, and nothing left", func(t *testing.T) {
		for name, call := range map[string]string{
			"expired":  passport("4", "1985-03-10", "2020-01-01"),
			"underage": passport("4", time.Now().AddDate(-17, 0, 0).Format(time.DateOnly), later()),
			"no year":  passport("4", "XXXX-XX-XX", later()),
		} {
			require.Equal(t, "refused", outcome(t, ask("/perform", name, name, call)), name)
			require.Equal(t, "nothing", outcome(t, undo(name, name)), name)
		}
		require.Contains(t, perform("review", "review", "4"), `"findings": []`)
		require.Contains(t, ask("/perform", "part", "part", passport("5", "1985-02-XX", later())), "birth-incomplete")
	})
	t.Run("garbage is no refusal", func(t *testing.T) {
		for _, data := range []string{`{`, `[]`, `{"results": {}}`, passport("6", "1985-13-77", later())} {
			require.Equal(t, "retry", outcome(t, ask("/perform", "g", "g", data)), data)
		}
	})
}
