package sagatest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
)

var (
	seeds = flag.Int("seeds", 1500, "how many random stories TestRandom plays")
	seed  = flag.Uint64("seed", 0, "the first seed of TestRandom; 0: another one each time")
	tale  = flag.String("tale", "", "a file whose story TestTale plays")
)

// TestRandom plays stories that nobody wrote: random graphs, random outcomes,
// processes that die, freeze and come back. Whatever happens, the saga ends,
// with the effects that its end says, and nobody spins (I1 to I7). A story that
// comes out wrong is printed as a file: cut it down until it shows one thing,
// and keep it in testdata.
func TestRandom(t *testing.T) {
	first := *seed
	if first == 0 {
		first = rand.Uint64N(1 << 40)
	}
	t.Logf("seeds %d to %d", first, first+uint64(*seeds)-1)
	for n := range *seeds {
		seed := first + uint64(n)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			text := invent(rand.New(rand.NewPCG(seed, 0)))
			story, err := ParseStory(fmt.Sprint(seed), text)
			require.NoError(t, err, text)
			if transcript, err := survive(t, story); err != nil {
				t.Errorf("seed %d: %v\n%s%s%s", seed, err, text, rule, transcript)
			}
		})
	}
}

// TestTale plays the story of a file that is none of testdata's, as often as
// -count says: for cutting down what TestRandom found.
func TestTale(t *testing.T) {
	if *tale == "" {
		return
	}
	text, err := os.ReadFile(*tale)
	require.NoError(t, err)
	story, err := ParseStory(*tale, string(text))
	require.NoError(t, err)
	transcript, err := survive(t, story)
	t.Logf("%v\n%s", err, transcript)
	require.NoError(t, err)
}

// survive plays a story and says what is wrong with how it came out.
func survive(t *testing.T, story *Story) (transcript string, err error) {
	synctest.Test(t, func(t *testing.T) {
		log := &bounded{Log: eventtest.NewLog()}
		defer log.Close()
		stage := NewStage(t, log)
		history, played := stage.Play(t, story)
		state, folded := saga.Fold(history)
		if err = errors.Join(played, folded); err != nil {
			transcript = Transcript(history)
			return
		}
		err = errors.Join(log.verdict(), stage.verdict(story, state, history))
		if story.Late && story.Open && state.Ended() {
			err = errors.Join(log.verdict(), Check(history, true)) // the effects are anybody's guess
		}
		transcript = Transcript(history) + stage.Epilogue(state)
	})
	return transcript, err
}

// limit is how often the agents of a random story may write, read or set a
// timer: some ten times of what they need.
const limit = 3000

// A bounded log stands still for those who spin.
type bounded struct {
	*eventtest.Log
	calls atomic.Int64
}

func (b *bounded) verdict() error {
	if n := b.calls.Load(); n > limit {
		return fmt.Errorf("somebody spins: %d calls", n)
	}
	return nil
}

func (b *bounded) take(ctx context.Context) error {
	if b.calls.Add(1) > limit {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (b *bounded) Append(ctx context.Context, e events.Event) (uint64, error) {
	if err := b.take(ctx); err != nil {
		return 0, err
	}
	return b.Log.Append(ctx, e)
}

func (b *bounded) History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error) {
	if err := b.take(ctx); err != nil {
		return nil, err
	}
	return b.Log.History(ctx, typ, id, atLeast)
}

func (b *bounded) SetTimer(ctx context.Context, t events.Timer) error {
	if err := b.take(ctx); err != nil {
		return err
	}
	return b.Log.SetTimer(ctx, t)
}

// An inventor makes a story up.
type inventor struct {
	*rand.Rand
	lines  []string
	steps  []string
	agents []string
	room   map[string]string // by agent, its step
	handed map[string]bool   // the steps that have stand-ins
	judged []string          // the agents that may have a condition
	late   bool
	stray  bool
}

// invent makes up a story's text.
func invent(r *rand.Rand) string {
	v := &inventor{Rand: r, room: map[string]string{}, handed: map[string]bool{}}
	v.cast()
	v.lines = append(v.lines, v.pick("revive 1s", "revive 5s", "revive 40s", "revive 10m"))
	if v.one(3) {
		v.say("behind %s", v.pick("100ms", "1s", "10s"))
	}
	v.cuts()
	v.cues()
	if v.late {
		v.lines = append(v.lines, "late")
	}
	// A call that does not hear that its time is up needs a barrier.
	if !v.stray && v.one(4) {
		v.lines = append(v.lines, "no-barrier")
	}
	return strings.Join(append(v.lines, "until 20h", ""), "\n")
}

func (v *inventor) pick(list ...string) string { return list[v.IntN(len(list))] }
func (v *inventor) one(in int) bool            { return v.IntN(in) == 0 }

func (v *inventor) say(format string, args ...any) {
	v.lines = append(v.lines, fmt.Sprintf(format, args...))
}

// cast makes up a graph and those who play in it. The last step follows all
// that nobody follows.
func (v *inventor) cast() {
	n := 1 + min(v.IntN(6), v.IntN(6))
	followed := map[string]bool{}
	pivot := v.IntN(2 * n) // or none
	deadline := v.pick("", "", "", " deadline=10s", " deadline=20s", " deadline=90s", " deadline=1h")
	for i := range n {
		step := string(rune('a' + i))
		var after []string
		for _, s := range v.steps {
			if i == n-1 && !followed[s] || i < n-1 && v.one(2) && len(after) < 3 {
				after = append(after, s)
				followed[s] = true
			}
		}
		v.steps = append(v.steps, step)
		words := ""
		if len(after) > 0 {
			words = " after=" + strings.Join(after, ",")
		} else {
			words = deadline
			if pivot < n && v.one(6) {
				words += " picky" // another entry step may have committed the saga
			}
		}
		role := ""
		if i == n-1 {
			role += " final"
		}
		if i == pivot {
			role += " pivot"
		}
		v.step(step, words+role, role)
	}
}

// step makes up who performs a step; all of them have its role.
func (v *inventor) step(step, words, role string) {
	primary, standIns := step+"0", []string{}
	v.judged = append(v.judged, primary)
	if v.one(4) {
		words += " when='" + v.condition() + "'"
	}
	if v.one(3) {
		standIns = append(standIns, step+"1")
		v.handed[step] = true
		if v.one(3) {
			standIns = append(standIns, step+"2")
		}
		words += " fallback=" + strings.Join(standIns, ",")
	}
	v.agent(primary, step, words)
	for _, s := range standIns {
		v.agent(s, step, " stand-in"+role)
	}
}

func (v *inventor) agent(name, step, words string) {
	v.agents, v.room[name] = append(v.agents, name), step
	v.say("agent %s step=%s takes=%s timeout=%s replicas=%s retries=%s undo-retries=%s takeovers=%s hears=%s concurrency=%s%s", name, step,
		v.pick("0s", "1s", "1s", "2s", "4s"), v.pick("3s", "3s", "9s"), v.pick("1", "2"),
		v.pick("0", "1", "3"), v.pick("0", "1", "3"), v.pick("1", "2", "5"), v.pick("0s", "0s", "0s", "1s", "3s"), v.pick("1", "1", "16"), words+v.rails())
	if v.one(2) {
		var list []string
		for range 1 + v.IntN(3) {
			what := v.pick("ok", "large", "fail", "garbage", "unavailable", "unavailable", "refuse", "unknown", "unknown", "lost", "hang", "panic", "die", "stray", "retry-after=5s",
				"asks", "asks=20s", "accepted", "accepted=10s")
			v.stray = v.stray || what == "stray"
			list = append(list, what)
		}
		if v.one(2) {
			list = append(list, "ok")
		}
		v.say("does %s %s", name, strings.Join(list, " "))
	}
	if v.one(3) {
		var list []string
		for range 1 + v.IntN(4) {
			list = append(list, v.pick("ok", "fail", "fail", "panic", "unknown", "hang", "die", "slow=1s", "slow=9s"))
		}
		v.say("undoes %s %s ok", name, strings.Join(list, " "))
	}
}

func (v *inventor) rails() string {
	return v.pick("", "", "", "", " rate=1/2s", " rate=1/40s", " breaker=1/20s", " breaker=2/1m", " breaker=1/5s rate=2/9s", " checked")
}

// condition makes up the condition of a step: over the task, or over the result
// of a step, whether that is before it or not.
func (v *inventor) condition() string {
	step := v.pick(append(v.steps, "a")...)
	return v.pick("true", "false", "false", "has(task.x)", "task.x == 1",
		"has(results."+step+")", "results."+step+".by == \""+step+"0\"", "!has(results."+step+") || results."+step+".by == \"\"")
}

// cuts makes up what goes wrong at appends.
func (v *inventor) cuts() {
	for range v.IntN(6) {
		how := v.pick("crash-before", "crash-after", "crash-before", "crash-after", "lose", "pause", "pause", "pause")
		agent := v.agents[v.IntN(len(v.agents))]
		step := v.room[agent]
		event := v.pick("started", "completed", "completed", "skipped", "pending-1", "answered-1", "failed-1", "failed-2", "attempt-2", "attempt-3",
			"fallback-"+agent, "compensate-"+agent, "compensated-"+agent, "undofailed-1-"+agent)
		switch {
		case how != "lose" && v.one(3):
			how = strings.Replace(how, "after", "before", 1)
			step, event = "read", fmt.Sprintf("%s-%d", agent, 1+v.IntN(8))
			if v.one(3) {
				step, event = "timer", v.pick("attempt-2", "attempt-3", "undo-2", "answer-1", "deadline", "advance")
			}
		case v.one(5):
			step, event = "saga", v.pick("unwinding", "completed", "compensated", "committed")
		}
		if how == "pause" && event == "completed" && v.handed[step] {
			continue // a known hole: late-completion-slips-in
		}
		pause := v.pick("2s", "30s", "2m")
		v.late = v.late || how == "pause"
		v.say("cut %s %s %s %s", how, step, event, pause)
	}
}

// cues makes up what comes from outside. People come at the end, and ask again
// for whatever is stuck.
func (v *inventor) cues() {
	v.say("at 0s submit%s", v.pick("", "", "", "", "", "", "", "", "", " {"))
	at := time.Millisecond // all listen: who does not until the deadline misses the task
	for range v.IntN(6) {
		at += time.Duration(v.IntN(8000)) * time.Millisecond
		who := fmt.Sprintf("%s#1", v.pick(v.agents...))
		switch v.IntN(6) {
		case 0:
			v.say("at %s cancel", at)
		case 4:
			agent := v.pick(v.agents...)
			v.say("at %s answer %s %s", at, v.room[agent], v.pick("completed", "completed 1", "completed 2", "refused", "unavailable", "retry", "retry "+agent, "retry "+agent))
		case 5:
			v.say("at %s configure %s when='%s'", at, v.pick(v.judged...), v.condition())
		case 1:
			v.say("at %s kill %s", at, who)
		default:
			v.late = true
			v.say("at %s freeze %s", at, who)
			at += time.Duration(v.IntN(60)) * time.Second
			v.say("at %s thaw %s", at, who)
		}
	}
	v.say("at 30m attend 30m")
	if v.one(4) {
		v.say("at 11h doubt")
		v.say("at 12h attend 10m")
	}
}
