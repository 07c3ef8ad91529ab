package saga_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

var update = flag.Bool("update", false, "write anew what stands below the lines of testdata/*.txt")

// TestHistories tells what histories mean. Each file of testdata has a history,
// and below a line the state it folds into and the answers to its questions:
//
//	role AGENT [step=S] [after=A,B] [final] [stand-in] [takeovers=N]
//	           [retries=N] [fallback=A,B] [never-refuses]
//	SEQ STEP.EVENT [KEY=VALUE...]        an event; data=... takes the rest of the line as its body
//	ask AGENT forward SEQ                what does that event ask of the agent?
//	ask AGENT forward timer attempt-N    and what that timer?
//	ask AGENT settle [SEQ]               what is owed, asked by that event
//	ask AGENT uncleared                  and if it can't undo what it has to undo before?
//	ask AGENT undo                       what is owed after its try at undoing
//	ask AGENT input                      what may its step read?
//	ask AGENT decide CLASS [LEFT] [committed]  its last attempt failed so: what follows?
//	ask expire                           the deadline has passed
//	then SEQ STEP.EVENT [KEY=VALUE...]   and if this came next?
//	any STEP AGENT N                     and if anything at all did? Outcomes are of attempt N
//
// Events come a second apart. An agent that is not named is that of the step.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			script, want, _ := strings.Cut(string(text), "----\n")
			got := tell(t, script)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(script+"----\n"+got), 0o644))
				return
			}
			require.Equal(t, want, got)
		})
	}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seq uint64) time.Time { return epoch.Add(time.Duration(seq) * time.Second) }

// tell reads a script and answers it.
func tell(t *testing.T, script string) string {
	t.Helper()
	roles, history := map[string]saga.Role{}, []events.Event{}
	var questions [][]string
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
		case words[0] == "role":
			roles[words[1]] = role(t, words[1], words[2:])
		case words[0] == "ask" || words[0] == "then" || words[0] == "any":
			questions = append(questions, words)
		default:
			history = append(history, event(t, words))
		}
	}
	var b strings.Builder
	s, err := saga.Fold(history)
	if err != nil {
		fmt.Fprintf(&b, "refused: %v\n", err)
	} else {
		b.WriteString(told(s))
	}
	for _, words := range questions {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(words, " "))
		switch words[0] {
		case "then":
			fmt.Fprintf(&b, "  %s\n", next(history, event(t, words[1:])))
		case "any":
			for _, k := range events.Kinds() {
				e := anyOf(t, k, words[1], words[2], words[3], s.Seq+1)
				if slices.ContainsFunc(history, func(h events.Event) bool { return h.Subject == e.Subject }) {
					continue // a slot is written once
				}
				fmt.Fprintf(&b, "  %-18s %s\n", e.Subject.Event(), next(history, e))
			}
		default:
			b.WriteString(answer(t, s, roles, history, words[1:]))
		}
	}
	return b.String()
}

func role(t *testing.T, agent string, words []string) saga.Role {
	t.Helper()
	r := saga.Role{Type: "story", Agent: agent, Step: agent, MaxTakeovers: 5}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "step":
			r.Step = value
		case "after":
			r.After = strings.Split(value, ",")
		case "final":
			r.Final = true
		case "stand-in":
			r.StandIn = true
		case "takeovers":
			r.MaxTakeovers = number(t, value)
		case "fallback":
			r.Fallbacks = strings.Split(value, ",")
		case "retries":
			r.Retry.MaxRetries = number(t, value)
		case "never-refuses":
			r.NeverRefuses = true
		default:
			t.Fatalf("role %s: no such word: %q", agent, word)
		}
	}
	return r
}

func number(t *testing.T, word string) int {
	t.Helper()
	n, err := strconv.Atoi(word)
	require.NoError(t, err)
	return n
}

// event reads one event of a script.
func event(t *testing.T, words []string) events.Event {
	t.Helper()
	seq := uint64(number(t, words[0]))
	typ, id, data := "story", "1", map[string]any{}
	step, token, _ := strings.Cut(words[1], ".")
	if step != "task" && step != "saga" {
		data["agent"] = step
	}
	var body []byte
	for i, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "type":
			typ = value
		case "id":
			id = value
		case "data":
			body = []byte(strings.TrimPrefix(strings.Join(words[2+i:], " "), "data="))
		case "after", "chain":
			data[key] = strings.Split(value, ",")
		case "attempt":
			data[key] = number(t, value)
		case "trigger":
			data[key] = events.Trigger{Stream: "SAGA_story", Seq: uint64(number(t, value))}
		case "code":
			data["error"] = events.Error{Code: value, Message: "it did not work"}
		case "deadline":
			data[key] = at(uint64(number(t, value)))
		case "person":
			data[key] = true
		case "result", "undo", "context":
			data[key] = json.RawMessage(value)
		default:
			data[key] = value
		}
		if body != nil {
			break
		}
	}
	if body == nil {
		var err error
		body, err = json.Marshal(data)
		require.NoError(t, err)
	}
	s, err := events.Parse("saga." + typ + "." + step + "." + token + "." + id)
	require.NoError(t, err)
	return events.Event{Subject: s, Seq: seq, Time: at(seq), ID: fmt.Sprint("event-", seq), Data: body}
}

// anyOf is an event of a kind with data that make sense.
func anyOf(t *testing.T, k events.Kind, step, agent, n string, seq uint64) events.Event {
	t.Helper()
	s := events.Subject{Type: "story", Step: step, Kind: k, ID: "1"}
	body := fmt.Sprintf(`{"agent":%q,"then":"retry","outcome":"completed"}`, agent)
	switch k {
	case events.Submitted, events.Rejected, events.Committed, events.Unwinding, events.SagaCompleted, events.SagaCompensated, events.Dismissed:
		s.Step = ""
	case events.Failed, events.Pending:
		s.N = number(t, n)
	case events.Attempt:
		s.N = number(t, n) + 1
	case events.Answered:
		s.N = 1
	case events.UndoFailed, events.Redo:
		s.N, s.Agent = 1, agent
	case events.Fallback, events.Compensate, events.Compensated:
		s.Agent = agent
	}
	require.NoError(t, s.Validate())
	return events.Event{Subject: s, Seq: seq, Time: at(seq), ID: "next", Data: []byte(body)}
}

// next says what becomes of a history by one more event.
func next(history []events.Event, e events.Event) string {
	s, err := saga.Fold(append(slices.Clone(history), e))
	switch {
	case err != nil:
		return err.Error()
	case len(s.Void) > 0 && s.Void[len(s.Void)-1].Seq == e.Seq:
		return "void"
	}
	said := string(s.Status())
	if st := s.Step(e.Subject.Step); st != nil {
		said += fmt.Sprintf("; %s %s%s", st.Name, st.Status(s), flags(s, st))
	}
	return said
}

func answer(t *testing.T, s *saga.State, roles map[string]saga.Role, history []events.Event, words []string) string {
	t.Helper()
	if words[0] == "expire" {
		return moves(s.Expire("me"))
	}
	r, known := roles[words[0]]
	require.True(t, known, "no role %q", words[0])
	switch words[1] {
	case "settle":
		asked := s.Seq
		if len(words) > 2 {
			asked = uint64(number(t, words[2]))
		}
		return moves(s.Settle(r, "me", at(asked)))
	case "uncleared":
		return moves(s.Uncleared(r, "me", events.Error{Code: "not_cleared", Message: "it did not work"}))
	case "undo":
		return moves(s.SettleUndo(r.Step, r.Agent))
	case "decide":
		b := saga.Setback{Class: events.Class(words[2]), Left: events.LeftNothing, Committed: words[len(words)-1] == "committed"}
		if len(words) > 3 && words[3] != "committed" {
			b.Left = events.Left(words[3])
		}
		f := r.Decide(s.Step(r.Step), b, 0)
		said := fmt.Sprintf("  left %s, then %s %s%s", f.Left, f.Then, f.Next, listed(", ", f.Chain))
		return strings.TrimRight(said, " ") + "\n"
	case "input":
		in, err := json.Marshal(s.Input(r.After))
		require.NoError(t, err)
		return fmt.Sprintf("  %s\n", in)
	}
	require.Equal(t, "forward", words[1])
	m := saga.Message{Trigger: events.Trigger{Stream: "TIMERS", Seq: 1}}
	if words[2] == "timer" {
		var err error
		m.Timer, err = events.ParseTimer("timer.due.story." + r.Agent + "." + words[3] + ".1")
		require.NoError(t, err)
	} else {
		i := slices.IndexFunc(history, func(e events.Event) bool { return fmt.Sprint(e.Seq) == words[2] })
		require.GreaterOrEqual(t, i, 0, "no event %s", words[2])
		m = saga.Message{Trigger: events.Trigger{Stream: "SAGA_story", Seq: history[i].Seq}, Subject: history[i].Subject}
	}
	call, n, cause := s.Forward(r, m)
	said := map[saga.Call]string{saga.Pass: "pass", saga.Run: "run", saga.GiveUp: "give up", saga.UndoOwn: "undo its own"}[call]
	if n > 0 {
		said += fmt.Sprintf(" as attempt %d, cause %s", n, cause)
	}
	return fmt.Sprintf("  %s\n", said)
}

// moves prints moves, one on each line.
func moves(m saga.Moves) string {
	var b strings.Builder
	if m.Clear {
		b.WriteString("  undo what it may have left, then\n")
	}
	for _, d := range m.Events {
		data, err := json.Marshal(d.Data)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "  append %s.%s %s\n", cmp.Or(d.Subject.Step, strings.Split(d.Subject.String(), ".")[2]), d.Subject.Event(), data)
	}
	for _, timer := range m.Timers {
		what := string(timer.What)
		if timer.N > 0 {
			what += fmt.Sprintf("-%d", timer.N)
		}
		fmt.Fprintf(&b, "  timer %s to %s at +%s, read to %d\n", what, timer.To, timer.Due.Sub(epoch), timer.Seq)
	}
	return cmp.Or(b.String(), "  nothing\n")
}

// told says a state in words.
func told(s *saga.State) string {
	var b strings.Builder
	line := func(key, format string, args ...any) { fmt.Fprintf(&b, "%-6s %s\n", key, fmt.Sprintf(format, args...)) }
	line("saga", "%s, read to %d", s.Status(), s.Seq)
	if s.Task != nil {
		line("task", "%s", s.Task.Data)
	}
	if !s.Deadline.IsZero() {
		line("due", "+%s", s.Deadline.Sub(epoch))
	}
	if s.Rejected != nil {
		line("reject", "%s", s.Rejected.Error.Code)
	}
	if s.Committed != nil {
		line("pivot", "%s at %d", s.Committed.Step, s.Committed.Seq)
	}
	if s.Turn != nil {
		line("turn", "%s at %d", strings.TrimSpace(string(s.Turn.Reason)+" "+s.Turn.Step), s.Turn.Seq)
	}
	if s.End != nil {
		line("end", "%s at %d", map[bool]string{true: "forward", false: "back"}[s.End.Forward], s.End.Seq)
	}
	for _, st := range s.Steps {
		line("step", "%s%s: %s%s", st.Name, listed(" after ", st.After), st.Status(s), flags(s, st))
		for _, a := range st.Attempts {
			line("", "%d by %s (%s): %s", a.N, a.Claim.Agent, a.Claim.Cause, fate(a))
		}
		if st.Done != nil {
			line("", "%s by %s, attempt %d, at %d", map[bool]string{true: "skipped", false: "completed"}[st.Done.Skipped], st.Done.Agent, st.Done.Attempt, st.Done.Seq)
		}
		for _, a := range st.Answers {
			line("", "answer %d to attempt %d: %s", a.K, a.Attempt, cmp.Or(string(a.Outcome), "not readable"))
		}
		if len(st.Handed) > 0 {
			line("", "handed to %s", strings.Join(st.Handed, ", "))
		}
		for _, u := range st.Undos {
			line("", "undoing by %s: %s", u.Agent, undoing(u))
		}
		for _, agent := range st.Owing() {
			token, attempt := st.Token(agent)
			line("", "owed by %s: attempt %d %s", agent, attempt, cmp.Or(string(token), "without a token"))
		}
	}
	for _, e := range s.Void {
		line("void", "%d %s", e.Seq, e.Subject)
	}
	return b.String()
}

func listed(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return before + strings.Join(names, ", ")
}

// flags says what decides about undoing a step.
func flags(s *saga.State, st *saga.Step) string {
	said := ""
	if st.Working() && st.Status(s) != saga.StepWorking {
		said += ", working"
	}
	if s.Turned() && st.Resolved() {
		said += ", resolved"
	}
	if a := st.Answer(); a != nil && st.Done == nil {
		said += fmt.Sprintf(", answered %s", a.Outcome)
	}
	return said + listed(", owes ", st.Owing())
}

func fate(a saga.Attempt) string {
	said := ""
	if a.Wait != nil {
		said = "pending on " + a.Wait.WaitsFor
	}
	switch {
	case a.Failure != nil:
		if said != "" {
			said += ", then "
		}
		said += fmt.Sprintf("%s, left %s, then %s", a.Failure.Class, a.Failure.Left, a.Failure.Then)
		if a.Failure.Next != "" {
			said += " to " + a.Failure.Next + listed(", ", a.Failure.Chain)
		}
	case a.Open():
		said += "open"
	case a.Void():
		said += "void"
	case a.Wait == nil:
		said += "finished"
	}
	return said
}

func undoing(u *saga.Undo) string {
	said := "not asked for"
	if u.Order != nil {
		said = "asked"
	}
	if len(u.Failures) > 0 {
		said += fmt.Sprintf(", failed %d times, %d since asked last", len(u.Failures), u.Tries())
	}
	if u.Done != nil {
		said += ", found " + string(u.Done.Found)
	}
	for flag, is := range map[string]bool{", stuck": u.Stuck(), ", outstanding": u.Outstanding() && !u.Stuck()} {
		if is {
			said += flag
		}
	}
	return said
}
