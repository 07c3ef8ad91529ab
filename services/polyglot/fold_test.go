package polyglot_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/sagatest"
)

// TestFoldsAlike plays every story, and has the fold in Go and the one in
// JavaScript say what each prefix of its history means: the state of each step,
// what is owed by each agent, and what each message asks of it. Histories that
// nobody wrote, with events left out and out of order, come beside them: what one
// refuses, the other must. There are no rules about which two agents may disagree.
func TestFoldsAlike(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 2026))
	var cases []foldCase
	for _, story := range sagatest.Stories(t) {
		var roles []saga.Role
		for _, actor := range story.Cast {
			roles = append(roles, agent.RoleOf(actor.Config.WithDefaults()))
		}
		history := played(t, story, -1)
		cases = append(cases, foldCase{story.Name, roles, history},
			foldCase{story.Name + ", with a crash", roles, played(t, story, r.IntN(len(history)))})
		for n := range 2 {
			cases = append(cases, foldCase{fmt.Sprintf("%s, spoilt %d", story.Name, n), roles, spoilt(r, history)})
		}
	}
	prefixes, refused := 0, 0
	for i, theirs := range inNode(t, cases) {
		for n := range theirs {
			ours := means(cases[i].roles, cases[i].history[:n+1])
			prefixes++
			if ours == "refused" {
				refused++
			}
			text := mustJSON(t, ours)
			if !reflect.DeepEqual(parsed(t, text), parsed(t, string(theirs[n]))) {
				require.JSONEq(t, text, string(theirs[n]), "%s, after event %d: Go is the first, JavaScript the second\n%s",
					cases[i].name, n+1, lines(cases[i].history[:n+1]))
			}
		}
	}
	t.Logf("%d histories, %d prefixes, %d of them refused by both", len(cases), prefixes, refused)
	require.Greater(t, prefixes-refused, 4000)
	require.Greater(t, refused, 500, "hardly any history makes no sense")
}

// TestItsOwnTests runs the tests that are in JavaScript: of the fold, held against
// the stories of package saga, and of the store.
func TestItsOwnTests(t *testing.T) {
	t.Parallel()
	node := exec.CommandContext(t.Context(), "npm", "test")
	node.Dir = "risk-scoring"
	output, err := node.CombinedOutput()
	require.NoError(t, err, "hint: `make deps` installs Node and npm\n%s", output)
}

type foldCase struct {
	name    string
	roles   []saga.Role
	history []events.Event
}

// played plays a story, in which whoever makes an append may die of it.
func played(t *testing.T, story *sagatest.Story, crash int) (history []events.Event) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		defer log.Close()
		stage := sagatest.NewStage(t, log)
		var appends atomic.Int64
		stage.Crash = func(_ events.Event, written bool) bool { return written && appends.Add(1) == int64(crash+1) }
		var err error
		history, err = stage.Play(t, story)
		if crash < 0 { // else somebody of whom the story tells may not be there
			require.NoError(t, err, story.Name)
		}
	})
	return history
}

// spoilt leaves out an event of a history, mostly of its end, or none, and swaps
// neighbours.
func spoilt(r *rand.Rand, history []events.Event) []events.Event {
	list := slices.Clone(history)
	if len(list) > 3 {
		if i := max(r.IntN(len(list)), r.IntN(len(list))); r.IntN(2) == 0 {
			list = slices.Delete(list, i, i+1)
		}
	}
	for range 1 + r.IntN(2) {
		i := max(r.IntN(len(list)-1), r.IntN(len(list)-1))
		a, b := list[i], list[i+1]
		a.Seq, a.Time, b.Seq, b.Time = b.Seq, b.Time, a.Seq, a.Time
		list[i], list[i+1] = b, a
	}
	return list
}

// inNode asks the fold in JavaScript.
func inNode(t *testing.T, cases []foldCase) (answers [][]json.RawMessage) {
	t.Helper()
	var question bytes.Buffer
	for _, c := range cases {
		type event struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Time    time.Time `json:"time"`
			ID      string    `json:"id"`
			Data    string    `json:"data"`
		}
		list := []event{}
		for _, e := range c.history {
			list = append(list, event{e.Subject.String(), e.Seq, e.Time, e.ID, string(e.Data)})
		}
		var roles []map[string]any
		for _, r := range c.roles {
			roles = append(roles, map[string]any{
				"type": r.Type, "agent": r.Agent, "step": r.Step, "after": append([]string{}, r.After...), "standIn": r.StandIn, "final": r.Final,
				"neverRefuses": r.NeverRefuses, "retry": policy(r.Retry), "undoRetry": policy(r.UndoRetry),
				"fallbacks": append([]string{}, r.Fallbacks...), "maxTakeovers": r.MaxTakeovers,
			})
		}
		question.WriteString(mustJSON(t, map[string]any{"roles": roles, "events": list}) + "\n")
	}
	node := exec.CommandContext(t.Context(), "node", "compare.mjs")
	node.Dir, node.Stdin, node.Stderr = "risk-scoring/unwind", &question, os.Stderr
	out, err := node.Output()
	require.NoError(t, err, "hint: `make deps` installs Node")
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var answer []json.RawMessage
		require.NoError(t, json.Unmarshal(lines.Bytes(), &answer))
		answers = append(answers, answer)
	}
	require.NoError(t, lines.Err())
	require.Len(t, answers, len(cases))
	return answers
}

func policy(p config.RetryPolicy) map[string]any {
	return map[string]any{"maxRetries": p.MaxRetries, "baseDelay": p.BaseDelay, "maxDelay": p.MaxDelay, "multiplier": p.Multiplier, "jitter": p.Jitter}
}

// means says what a history means, as compare.mjs does.
func means(roles []saga.Role, history []events.Event) any {
	s, err := saga.Fold(history)
	if err != nil {
		return "refused"
	}
	messages := []saga.Message{}
	for _, e := range history {
		messages = append(messages, saga.Message{Trigger: events.Trigger{Stream: "SAGA_story", Seq: e.Seq}, Subject: e.Subject})
	}
	for n := 1; n < 5; n++ {
		for _, r := range roles {
			messages = append(messages, saga.Message{
				Trigger: events.Trigger{Stream: "TIMERS", Seq: 1}, Timer: events.Timer{What: events.RetryTimer, To: r.Agent, N: n},
			})
		}
	}
	steps, answers, void := []any{}, []any{}, []uint64{}
	for _, st := range s.Steps {
		steps = append(steps, stepMeans(s, st))
	}
	for _, r := range roles {
		answers = append(answers, roleMeans(s, r, messages))
	}
	for _, e := range s.Void {
		void = append(void, e.Seq)
	}
	deadline := ""
	if !s.Deadline.IsZero() {
		deadline = s.Deadline.UTC().Format(time.RFC3339Nano)
	}
	return map[string]any{
		"status": s.Status(), "seq": s.Seq, "deadline": deadline, "void": void,
		"expire": moves(s.Expire("me")), "steps": steps, "roles": answers,
	}
}

func stepMeans(s *saga.State, st *saga.Step) any {
	tokens, lost, rounds, voids, answer := []any{}, []string{}, []int{}, []int{}, 0
	for _, agent := range st.Owing() {
		undo, attempt := st.Token(agent)
		tokens = append(tokens, []any{orNull(undo), attempt})
	}
	for _, agent := range st.Agents() {
		if st.Lost(agent) {
			lost = append(lost, agent)
		}
	}
	for _, a := range st.Attempts {
		rounds = append(rounds, st.RoundOf(a.N))
		if a.Void() {
			voids = append(voids, a.N)
		}
	}
	if a := st.Answer(); a != nil {
		answer = a.K
	}
	return map[string]any{
		"name": st.Name, "after": append([]string{}, st.After...), "status": st.Status(s), "working": st.Working(), "resolved": st.Resolved(),
		"owing": append([]string{}, st.Owing()...), "tokens": tokens, "last": st.Last().N, "answer": answer,
		"waits": s.Waits(st), "stranded": s.Stranded(st), "lost": lost, "rounds": rounds, "voids": voids,
	}
}

// orNull is a token as text: JavaScript keeps those of others so.
func orNull(token json.RawMessage) any {
	if token == nil {
		return nil
	}
	return string(token)
}

func roleMeans(s *saga.State, r saga.Role, messages []saga.Message) any {
	st, after := s.Step(r.Step), r.After
	if st != nil {
		after = st.After
	}
	asked, failures := []string{}, []string{}
	for i, m := range messages {
		if call, n, cause := s.Forward(r, m); call != saga.Pass {
			name := map[saga.Call]string{saga.Run: "run", saga.GiveUp: "give up", saga.UndoOwn: "undo own"}[call]
			asked = append(asked, fmt.Sprintf("%d %s %d %s", i, name, n, cause))
		}
	}
	for _, class := range []events.Class{events.Transient, events.Unavailable, events.Refused, events.Unknown} {
		for _, committed := range []bool{false, true} {
			f, due := r.Decide(st, saga.Setback{Class: class, Left: events.LeftNothing, Committed: committed}, 0.25), []byte{}
			if f.Due > 0 {
				due, _ = f.Due.MarshalJSON()
			}
			failures = append(failures, fmt.Sprintf("%s %s %s %s %s %s", f.Class, f.Left, f.Then, bytes.Trim(due, `"`), f.Next, strings.Join(f.Chain, ",")))
		}
	}
	return map[string]any{
		"settle": moves(s.Settle(r, "me", s.Time.Add(time.Minute))), "undo": moves(s.SettleUndo(r.Step, r.Agent)), "orphaned": s.Orphaned(r),
		"input": inputOf(s, after), "left": st.MayHaveLeft(r.Agent), "asked": asked, "decide": failures,
	}
}

// inputOf is what a step may read; a task may be no JSON.
func inputOf(s *saga.State, after []string) any {
	text, err := json.Marshal(s.Input(after))
	if err != nil {
		return "no JSON"
	}
	return json.RawMessage(text)
}

func moves(m saga.Moves) any {
	list, timers := []any{}, []any{}
	for _, d := range m.Events {
		list = append(list, []any{d.Subject.String(), d.Data})
	}
	for _, timer := range m.Timers {
		timers = append(timers, []any{timer.Set(), timer.Due.UTC().Format(time.RFC3339Nano), timer.Seq})
	}
	return map[string]any{"clear": m.Clear, "events": list, "timers": timers}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func parsed(t *testing.T, text string) (v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	return v
}

func lines(history []events.Event) string {
	var b bytes.Buffer
	for _, e := range history {
		fmt.Fprintf(&b, "%4d %s %s\n", e.Seq, cmp.Or(e.Subject.Step, "-"), e.Subject.Event()+" "+string(e.Data))
	}
	return b.String()
}
