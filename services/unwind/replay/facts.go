package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A Change is one thing that is otherwise at another point. Of what was not there
// before, From is empty; of what is there no more, To is.
type Change struct {
	Path string `json:"path"` // "status", "steps.card.attempts.2.outcome"
	From string `json:"from"`
	To   string `json:"to"`
}

// Diff says what changed in the state from one point to another. Backward in time
// it says what was undone of it.
func (t *Tape) Diff(from, to int) []Change {
	before, after := factsOf(t.At(from)), factsOf(t.At(to))
	var changes []Change
	for _, f := range after {
		if was := before.value(f.path); was != f.value {
			changes = append(changes, Change{f.path, was, f.value})
		}
	}
	for _, f := range before {
		if f.value != "" && !after.has(f.path) {
			changes = append(changes, Change{f.path, f.value, ""})
		}
	}
	return changes
}

// facts are a state as a flat list, in reading order.
type facts []struct{ path, value string }

func (f facts) has(path string) bool {
	return slices.ContainsFunc(f, func(g struct{ path, value string }) bool { return g.path == path })
}

func (f facts) value(path string) string {
	for _, g := range f {
		if g.path == path {
			return g.value
		}
	}
	return ""
}

func (f *facts) add(path, value string) {
	if value != "" {
		*f = append(*f, struct{ path, value string }{path, value})
	}
}

func factsOf(p Point) (f facts) {
	s := p.State
	switch {
	case s == nil:
		f.add("unreadable", p.Err.Error())
		return f
	case s.Length == 0:
		return f
	}
	f.add("status", string(s.Status()))
	if s.Task != nil {
		f.add("task", text(s.Task.Data))
	}
	if !s.Deadline.IsZero() {
		f.add("deadline", date(s.Deadline))
	}
	if s.Rejected != nil {
		f.add("rejected", fmt.Sprintf("by %s: %s", s.Rejected.Agent, cmp.Or(s.Rejected.Error.Message, s.Rejected.Error.Code)))
	}
	if s.Committed != nil {
		f.add("pivot", fmt.Sprintf("%s by %s", s.Committed.Step, s.Committed.Agent))
	}
	if s.Turn != nil {
		f.add("turned", strings.TrimSpace(fmt.Sprintf("%s %s by %s", s.Turn.Reason, s.Turn.Step, s.Turn.By)))
	}
	for _, st := range s.Steps {
		stepFacts(&f, s, st)
	}
	if s.End != nil {
		f.add("end", map[bool]string{true: "completed", false: "compensated"}[s.End.Forward]+" "+date(s.End.Time))
	}
	if s.Dismissed != nil {
		f.add("dismissed", fmt.Sprintf("%s by %s", s.Dismissed.As, s.Dismissed.By))
	}
	if len(s.Void) > 0 {
		f.add("late", fmt.Sprintf("%d of its events do not count", len(s.Void)))
	}
	return f
}

func stepFacts(f *facts, s *saga.State, st *saga.Step) {
	at := "steps." + st.Name + "."
	f.add(at+"status", string(st.Status(s)))
	f.add(at+"after", cmp.Or(strings.Join(st.After, ", "), "the task"))
	for _, a := range st.Attempts {
		n := fmt.Sprintf("%sattempts.%d.", at, a.N)
		f.add(n+"agent", a.Claim.Agent)
		f.add(n+"instance", a.Claim.Instance)
		f.add(n+"cause", string(a.Claim.Cause))
		f.add(n+"outcome", outcome(st, a))
		if a.Failure != nil {
			f.add(n+"error", cmp.Or(a.Failure.Error.Message, a.Failure.Error.Code))
			f.add(n+"left", string(a.Failure.Left))
			f.add(n+"then", follows(a))
		}
		if a.Wait != nil {
			f.add(n+"waits_for", cmp.Or(a.Wait.Question, a.Wait.WaitsFor, "an outcome from outside"))
		}
	}
	for _, a := range st.Answers {
		f.add(fmt.Sprintf("%sanswers.%d", at, a.K), strings.TrimSpace(fmt.Sprintf("%s by %s", cmp.Or(string(a.Outcome), "unreadable"), cmp.Or(a.By, "somebody"))))
	}
	if len(st.Handed) > 0 {
		f.add(at+"handed_to", strings.Join(st.Handed, ", "))
	}
	if d := st.Done; d != nil && !d.Skipped {
		f.add(at+"done_by", d.Agent)
		f.add(at+"result", text(d.Result))
		if d.ResultRef != nil {
			f.add(at+"result_ref", fmt.Sprintf("%s (%d bytes)", d.ResultRef.Digest, d.ResultRef.Size))
		}
		f.add(at+"undo", text(d.Undo))
	}
	for _, u := range st.Undos {
		n := at + "undoing." + u.Agent + "."
		if u.Order != nil {
			f.add(n+"ordered", string(u.Order.Reason))
		}
		for i, failure := range u.Failures {
			f.add(fmt.Sprintf("%sfailures.%d", n, i+1), fmt.Sprintf("%s, then %s", cmp.Or(failure.Error.Message, failure.Error.Code), failure.Then))
		}
		if u.Redos > 0 {
			f.add(n+"asked_again", fmt.Sprint(u.Redos))
		}
		if u.Done != nil {
			f.add(n+"done", fmt.Sprintf("%s by %s", u.Done.Found, u.Done.By))
		}
	}
}

func outcome(st *saga.Step, a saga.Attempt) string {
	switch {
	case a.Void():
		return "does not count"
	case a.Failure != nil:
		return "failed: " + string(a.Failure.Class)
	case st.Done != nil && st.Done.Agent == a.Claim.Agent && st.Done.Skipped:
		return "skipped"
	case st.Done != nil && st.Done.Agent == a.Claim.Agent:
		return "completed"
	case a.Wait != nil:
		return "pending"
	case a.N < len(st.Attempts):
		return "lost"
	default:
		return "working"
	}
}

func follows(a saga.Attempt) string {
	f := a.Failure
	text := string(f.Then)
	if f.Next != "" {
		text += " " + f.Next
	}
	if f.Due > 0 {
		text += " in " + ink.Span(time.Duration(f.Due))
	}
	if f.Throttled {
		text += ", throttled"
	}
	return text
}

// text is JSON on one line.
func text(data json.RawMessage) string {
	var compact strings.Builder
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if len(data) == 0 {
		return ""
	}
	if !json.Valid(data) || e.Encode(data) != nil {
		return string(data)
	}
	return strings.TrimSuffix(compact.String(), "\n")
}

func date(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
