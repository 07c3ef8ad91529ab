package sagatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/casefile"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/replay"
)

// failed is a saga in which the card's first attempt failed, its second was refused,
// and the seat was given back.
const failed = `
agent seat
agent card after=seat final retries=1
does card fail refuse
at 0s submit {"to": "Rome", "seats": 2}
`

// write plays a story and writes its saga to a file.
func write(t *testing.T, script string) (file string) {
	t.Helper()
	story, err := ParseStory("case", script)
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "case.json")
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		defer log.Close()
		_, history := play(t, NewStage(t, log), story)
		c, err := casefile.New(history, time.Now())
		require.NoError(t, err)
		require.NoError(t, c.Embed(t.Context(), log))
		var text bytes.Buffer
		require.NoError(t, c.Write(&text))
		require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	})
	return file
}

// A witness is a test that fails without failing this one.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Helper() {}
func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	panic(w)
}
func (w *witness) Fatal(args ...any) { w.Fatalf("%s", fmt.Sprint(args...)) }

// judged says why a replay is red; empty when it is green.
func judged(t *testing.T, r Rules, file string, cfg config.Config, h agent.Handler) string {
	t.Helper()
	w := &witness{TB: t}
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(w) {
				panic(v)
			}
		}()
		r.Replay(w, file, cfg, h)
	}()
	return strings.Join(w.said, "\n")
}

func cardConfig() config.Config {
	return config.Config{Agent: "card", Saga: storyType, After: []string{"seat"}, Final: true, CompensationHandler: config.NoCompensation}
}

func does(perform func(agent.Task) (agent.Result, error)) agent.Handler {
	return agent.Handler{Perform: func(_ context.Context, t agent.Task) (agent.Result, error) { return perform(t) }}
}

func TestReplay(t *testing.T) {
	file := write(t, failed)
	var tasks []agent.Task
	buggy := does(func(t agent.Task) (agent.Result, error) {
		tasks = append(tasks, t)
		if t.Attempt == 1 {
			return agent.Result{}, errors.New("it did not work")
		}
		return agent.Result{}, agent.Refuse("declined", "it is not acceptable")
	})
	mended := does(func(agent.Task) (agent.Result, error) { return agent.Result{Data: "paid"}, nil })

	t.Run("red while it fails", func(t *testing.T) {
		said := judged(t, Rules{}, file, cardConfig(), buggy)
		require.Contains(t, said, `attempt-1 of step "card"`)
		require.Contains(t, said, "it still fails as it did: failed, transient: it did not work")
		require.Contains(t, said, `attempt-2 of step "card"`)
		require.Contains(t, said, "it still fails as it did: failed, refused (declined): it is not acceptable")
		require.Contains(t, said, `task  {"to":"Rome","seats":2}`)
		require.Len(t, tasks, 2)
		require.Equal(t, "story/1/card/card", tasks[1].Key)
		require.JSONEq(t, `{"by":"seat"}`, string(tasks[1].Results["seat"]))
		require.Equal(t, 2, tasks[1].Attempt)
		require.InDelta(t, 24*time.Hour, time.Until(tasks[1].Deadline), float64(time.Minute))
	})
	t.Run("green when it is mended", func(t *testing.T) {
		require.Empty(t, judged(t, Rules{}, file, cardConfig(), mended))
	})
	t.Run("a failure that is right", func(t *testing.T) {
		require.Empty(t, judged(t, Rules{AsRecorded: true}, file, cardConfig(), buggy))
		require.Contains(t, judged(t, Rules{AsRecorded: true}, file, cardConfig(), mended), "it does not fail any more")
	})
	t.Run("another failure", func(t *testing.T) {
		other := does(func(agent.Task) (agent.Result, error) { return agent.Result{}, agent.Refuse("late", "too late") })
		require.Contains(t, judged(t, Rules{}, file, cardConfig(), other), "it still fails, in another way: failed, refused (late): too late")
		require.Contains(t, judged(t, Rules{AsRecorded: true}, file, cardConfig(), other), "something else comes of it")
	})
	t.Run("a verdict of one's own", func(t *testing.T) {
		want := func(t replay.Trial) error {
			if t.Now.Outcome.Done == nil {
				return errors.New("not paid")
			}
			return nil
		}
		require.Empty(t, judged(t, Rules{Want: want}, file, cardConfig(), mended))
		require.Contains(t, judged(t, Rules{Want: want}, file, cardConfig(), buggy), "not paid")
	})
	t.Run("what completed, and was undone", func(t *testing.T) {
		cfg := config.Config{Agent: "seat", Saga: storyType, CompensationHandler: "undo"}
		var undone []agent.Undo
		h := does(func(agent.Task) (agent.Result, error) {
			return agent.Result{Data: map[string]any{"by": "seat", "at": 7}}, nil
		})
		h.Compensations = agent.Compensations{"undo": func(_ context.Context, u agent.Undo) error {
			undone = append(undone, u)
			return nil
		}}
		require.Contains(t, judged(t, Rules{}, file, cfg, h), "differs: /at is 7, and was not there")
		require.Empty(t, judged(t, Rules{Ignore: []string{"/at"}}, file, cfg, h))
		require.Equal(t, "story/1/seat/seat", undone[0].Of)
		require.Equal(t, `"story/1/seat/seat"`, string(undone[0].Token))
		require.Equal(t, "failed", string(undone[0].Reason))
		h.Compensations["undo"] = func(context.Context, agent.Undo) error { return errors.New("the airline does not answer") }
		require.Contains(t, judged(t, Rules{Ignore: []string{"/at"}}, file, cfg, h), "it fails: not undone: the airline does not answer")
	})
	t.Run("mistakes", func(t *testing.T) {
		cfg := cardConfig()
		cfg.Agent = "hotel"
		require.Contains(t, judged(t, Rules{}, file, cfg, mended), "it was not called\nhint: it called seat, card")
		cfg = cardConfig()
		cfg.Saga = "trip"
		require.Contains(t, judged(t, Rules{}, file, cfg, mended), `it is a saga of type "story"`)
		require.Contains(t, judged(t, Rules{}, "nowhere.json", cardConfig(), mended), "load case")
	})
}

// An attempt that failed before another completed is expected to complete as that
// one did.
func TestReplayOfARetry(t *testing.T) {
	file := write(t, "agent card final retries=1\ndoes card fail ok\nat 0s submit {}\n")
	cfg := cardConfig()
	cfg.After = nil
	require.Empty(t, judged(t, Rules{}, file, cfg, does(func(agent.Task) (agent.Result, error) {
		return agent.Result{Data: map[string]string{"by": "card"}}, nil
	})))
	require.Contains(t, judged(t, Rules{}, file, cfg, does(func(agent.Task) (agent.Result, error) {
		return agent.Result{Data: map[string]string{"by": "cash"}}, nil
	})), `differs: /by is "cash", was "card"`)
}

// Large results are in the file.
func TestReplayReadsLargeResults(t *testing.T) {
	file := write(t, "agent scan\nagent card after=scan final\ndoes scan large\nat 0s submit {}\n")
	read := 0
	require.Empty(t, judged(t, Rules{Ignore: []string{"/by"}}, file, cardConfig(), does(func(t agent.Task) (agent.Result, error) {
		var scan map[string]string
		err := t.Result("scan", &scan)
		read = len(scan["scan"])
		return agent.Result{Data: map[string]string{}}, err
	})))
	require.Equal(t, 160_000, read)
	cfg := config.Config{Agent: "scan", Saga: storyType, CompensationHandler: config.NoCompensation}
	require.Empty(t, judged(t, Rules{}, file, cfg, does(func(agent.Task) (agent.Result, error) {
		return agent.Result{Data: largeResult("scan")}, nil
	})))
}

// What the runtime says is no failure of the handler's, and a call whose outcome
// nobody knows is made all the same.
func TestReplayOfCallsThatDied(t *testing.T) {
	file := write(t, "revive 5s\nagent card final\ndoes card die ok\nat 0s submit {}\n")
	calls := 0
	cfg := cardConfig()
	cfg.After = nil
	require.Empty(t, judged(t, Rules{}, file, cfg, does(func(agent.Task) (agent.Result, error) {
		calls++
		return agent.Result{Data: map[string]string{"by": "card"}}, nil
	})))
	require.Equal(t, 2, calls)
	require.Contains(t, judged(t, Rules{}, file, cfg, does(func(agent.Task) (agent.Result, error) { panic("no card") })), "it fails, and what it came to then is not known")
}

func TestReplaySaga(t *testing.T) {
	file := write(t, failed)
	cfg := cardConfig()
	s, _ := ReplaySaga(t, file, cfg, does(func(agent.Task) (agent.Result, error) { return agent.Result{Data: "paid"}, nil }))
	require.Equal(t, saga.Completed, s.Status())
	require.JSONEq(t, `{"by":"seat"}`, string(s.Step("seat").Done.Result))
	s, _ = ReplaySaga(t, file, cfg, does(func(agent.Task) (agent.Result, error) {
		return agent.Result{}, agent.Refuse("declined", "it is not acceptable")
	}))
	require.Equal(t, saga.Compensated, s.Status())
	require.Equal(t, "declined", s.Turn.Error.Code)

	// With every agent of the record in its place but one, each kind of story comes
	// out as it was.
	for _, name := range []string{"diamond", "fallback", "skipped", "pivot", "callback", "retries", "last-fails", "undo-retries"} {
		t.Run(name, func(t *testing.T) {
			story := find(t, name)
			file := write(t, story.script)
			c, err := casefile.Load(file)
			require.NoError(t, err)
			was, err := c.State()
			require.NoError(t, err)
			actor := story.Cast[0]
			actor.Config.CompensationHandler = "recorded"
			h, err := recordedHandler(t.Context(), c, actor.Config.Agent)
			require.NoError(t, err)
			s, _ := ReplaySaga(t, file, actor.Config, h)
			require.Equal(t, was.Status(), s.Status())
		})
	}
}
