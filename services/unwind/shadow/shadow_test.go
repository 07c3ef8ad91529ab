package shadow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/shadow"
)

// sagas are n in which the card answered its saga's number, and after them one in
// which it was not called and one that makes no sense.
func sagas(n int) iter.Seq2[shadow.Saga, error] {
	return func(yield func(shadow.Saga, error) bool) {
		for i := range n + 2 {
			id := fmt.Sprint(i)
			var history []events.Event
			add := func(s events.Subject, data any) {
				s.Type, s.ID = "trip", id
				text, _ := json.Marshal(data)
				history = append(history, events.Event{Subject: s, Seq: uint64(len(history) + 1), Time: time.Unix(int64(len(history)), 0), Data: text})
			}
			add(events.Subject{Kind: events.Submitted}, map[string]int{"n": i})
			if i < n {
				add(events.Subject{Step: "card", Kind: events.Started}, events.Claim{Agent: "card", Cause: events.CauseTask})
			}
			if i != n {
				add(events.Subject{Step: "card", Kind: events.Completed}, events.Done{Agent: "card", Attempt: 1, Result: json.RawMessage(id)})
			}
			if !yield(shadow.Saga{Type: "trip", ID: id, History: history}, nil) {
				return
			}
		}
	}
}

func card(perform func(n int) (agent.Result, error)) shadow.Config {
	return shadow.Config{
		Agent: config.Config{Agent: "card", Saga: "trip", Final: true, CompensationHandler: config.NoCompensation},
		Candidate: agent.Handler{Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
			var task struct{ N int }
			if err := t.Decode(&task); err != nil {
				return agent.Result{}, err
			}
			return perform(task.N)
		}},
	}
}

func TestRun(t *testing.T) {
	told := map[string]int{}
	sum, err := shadow.Run(t.Context(), card(func(n int) (agent.Result, error) {
		switch n {
		case 7:
			return agent.Result{}, agent.Refuse("no", "it is the seventh")
		case 8, 9, 10:
			return agent.Result{Data: n + 1}, nil
		}
		return agent.Result{Data: n}, nil
	}), sagas(1208), func(t shadow.Trial) { told[string(t.Verdict)]++ })
	require.NoError(t, err)
	require.Equal(t, shadow.Summary{Sagas: 1208, Others: 1, Unreadable: 1, Same: 1204, Differ: 3, Fail: 1}, sum)
	require.Equal(t, map[string]int{"same": 1204, "differs": 3, "fails": 1}, told)
	require.Equal(t, "1,204 same, 3 differ, 1 fails, 1 saga can't be read, 1 saga without it", sum.String())
	require.False(t, sum.Clean())
}

// What can't be read ends it, and so does the context: nobody is left behind.
func TestRunEnds(t *testing.T) {
	broken := errors.New("the broker is gone")
	_, err := shadow.Run(t.Context(), card(func(n int) (agent.Result, error) { return agent.Result{Data: n}, nil }),
		func(yield func(shadow.Saga, error) bool) { yield(shadow.Saga{}, broken) }, func(shadow.Trial) {})
	require.ErrorIs(t, err, broken)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = shadow.Run(ctx, card(func(n int) (agent.Result, error) {
		if n == 5 {
			cancel()
		}
		return agent.Result{Data: n}, nil
	}), sagas(1_000_000), func(shadow.Trial) {})
	require.ErrorIs(t, err, context.Canceled)
	c := card(nil)
	c.Agent.CompensationHandler = "give-back"
	_, err = shadow.Run(t.Context(), c, sagas(1), func(shadow.Trial) {})
	require.ErrorContains(t, err, `replay agent "card"`)
}

func TestEnvironment(t *testing.T) {
	all := map[string]string{"PATH": "/bin", "NATS_URL": "nats://x", "NATS_CREDS": "x", "UNWIND_FAULTS": "x", "AWS_KEY": "x", "HOME": "/root", "KEY": "v"}
	lookup := func(name string) (string, bool) { v, ok := all[name]; return v, ok }
	env, err := shadow.Environment("/empty", lookup, []string{"KEY"})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"UNWIND_SHADOW=true", "HOME=/empty", "PATH=/bin", "KEY=v"}, env)
	for _, name := range []string{"NATS_URL", "nats_creds", "UNWIND_FAULTS"} {
		_, err := shadow.Environment("/empty", lookup, []string{name})
		require.ErrorContains(t, err, "gets nothing with which it could publish", name)
	}
	_, err = shadow.Environment("/empty", lookup, []string{"NONE"})
	require.ErrorContains(t, err, "is not set")
	home, remove, err := shadow.Home()
	require.NoError(t, err)
	list, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, list)
	remove()
	require.NoDirExists(t, home)
	require.True(t, strings.Contains(home, "unwind-shadow-"))
}
