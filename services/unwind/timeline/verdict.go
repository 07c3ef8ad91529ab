package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/inbox"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Verdict says in words how a saga ended; or what it waits for, and who owes
// it.
func Verdict(s *saga.State, now time.Time) string {
	switch s.Status() {
	case saga.Completed:
		attempts, skipped := 0, 0
		for _, st := range s.Steps {
			attempts += len(st.Attempts)
			if st.Done != nil && st.Done.Skipped {
				skipped++
			}
		}
		steps := count(len(s.Steps), "step")
		if skipped > 0 {
			steps += fmt.Sprintf(", %d of them skipped", skipped)
		}
		return fmt.Sprintf("It is completed: %s, %s.", steps, count(attempts, "attempt"))
	case saga.Rejected:
		text := fmt.Sprintf("It is rejected, nothing was begun: agent %s says: %s.", s.Rejected.Agent, say(&s.Rejected.Error))
		if !s.Ended() {
			text += " Waiting for any agent of the type to end it."
		}
		return text
	case saga.Compensated:
		return fmt.Sprintf("It is compensated: %s; everything that was done is undone.", why(s))
	case saga.Stuck:
		return appeal(s)
	case saga.Unwinding:
		return fmt.Sprintf("It turned back: %s. %s", why(s), waitingFor(owedBack(s, now)))
	default:
		text := waitingFor(owedForward(s, now))
		switch {
		case s.Committed != nil:
			text += fmt.Sprintf(" It cannot turn back any more: its pivot, %s, is done.", s.Committed.Step)
		case !s.Deadline.IsZero():
			text += fmt.Sprintf(" It turns back by itself %s.", due(s.Deadline, now))
		}
		// One question has been told by now.
		return text + todo(s, len(client.ItemsOf(s)) > 1)
	}
}

func waitingFor(what []string) string {
	if len(what) == 1 {
		return "Waiting for " + what[0] + "."
	}
	return "Waiting for\n  - " + strings.Join(what, ",\n  - ") + "."
}

// why says why a saga turned.
func why(s *saga.State) string {
	if s.Turn == nil {
		return ""
	}
	switch t := s.Turn; t.Reason {
	case events.ReasonFailed:
		return fmt.Sprintf("step %s failed%s", t.Step, because(t.Error))
	case events.ReasonDeadline:
		return "its time was up"
	case events.ReasonCancelled:
		return fmt.Sprintf("cancelled by %s%s", ink.Clean(t.By), because(t.Error))
	default:
		return string(t.Reason) + because(t.Error)
	}
}

// because tells an error in brackets, if there is one.
func because(err *events.Error) string {
	if err == nil {
		return ""
	}
	return " (" + say(err) + ")"
}

func say(err *events.Error) string {
	if err == nil {
		return "no reason given"
	}
	return ink.Clean(cmp.Or(err.Message, err.Code, "no reason given"))
}

// owedForward lists what a saga waits for that goes forward.
func owedForward(s *saga.State, now time.Time) []string {
	if s.Task == nil && len(s.Steps) == 0 {
		return []string{"its task"}
	}
	if len(s.Steps) == 0 {
		return []string{"the agent that begins with the task (is it running?)"}
	}
	var owed []string
	for _, st := range s.Steps {
		if text := owedByStep(s, st, now); text != "" {
			owed = append(owed, text)
		}
	}
	if len(owed) > 0 {
		return owed
	}
	return []string{fmt.Sprintf("the agent that follows %s (is it running?)", strings.Join(leaves(s), " and "))}
}

// owedByStep says what is missing until a step is done; nothing when it is.
func owedByStep(s *saga.State, st *saga.Step, now time.Time) string {
	last := st.Last()
	switch said := st.Answer(); {
	case st.Done != nil:
		return ""
	case said != nil && !last.Open():
		return owedAnswer(st, said, now)
	case last.Open():
		return fmt.Sprintf("%s, which is at attempt %d of step %s for %s (instance %s)",
			last.Claim.Agent, last.N, st.Name, ink.Span(now.Sub(last.Claimed.Time)), last.Claim.Instance)
	case s.Stranded(st):
		return fmt.Sprintf("a person to see to step %s, which failed after the pivot (%s)", st.Name, say(&last.Failure.Error))
	case last.Failure == nil:
		text := fmt.Sprintf("%s, which step %s needs", ink.Clean(cmp.Or(last.Wait.WaitsFor, "an outcome from outside")), st.Name)
		if last.Wait.Person {
			text = fmt.Sprintf("a person to answer %s at step %s", last.Wait.Agent, st.Name)
			if q := ink.Clean(cmp.Or(last.Wait.Question, last.Wait.WaitsFor)); q != "" {
				text += ": " + strings.TrimSuffix(q, ".")
			}
		}
		if last.Wait.Within > 0 {
			text += fmt.Sprintf("; %s gives it up %s", last.Wait.Agent, due(last.Waited.Time.Add(time.Duration(last.Wait.Within)), now))
		}
		return text
	case last.Failure.Then == events.ThenRetry:
		return fmt.Sprintf("%s to make attempt %d of step %s, due %s", last.Successor(), last.N+1, st.Name,
			due(last.Failed.Time.Add(time.Duration(last.Failure.Due)), now))
	case last.Failure.Then == events.ThenFallback:
		return fmt.Sprintf("%s to take step %s over from %s (is it running?)", last.Failure.Next, st.Name, last.Claim.Agent)
	default:
		return fmt.Sprintf("%s to turn the saga back, because step %s failed (%s)", last.Claim.Agent, st.Name, say(&last.Failure.Error))
	}
}

// owedAnswer says who has to make an outcome of what was said.
func owedAnswer(st *saga.Step, said *saga.Answer, now time.Time) string {
	last, by := st.Last(), ink.Clean(cmp.Or(said.By, "somebody"))
	if last.Failure != nil && said.Outcome == events.OutcomeRetry {
		return fmt.Sprintf("%s to make attempt %d of step %s, as %s asked, due %s", cmp.Or(said.Next, last.Claim.Agent), last.N+1, st.Name, by,
			due(said.Time.Add(time.Duration(said.Due)), now))
	}
	return fmt.Sprintf("%s to take up what %s said of step %s: %s (is it running?)", last.Claim.Agent, by, st.Name, said.Outcome)
}

// leaves lists the steps that nobody followed yet.
func leaves(s *saga.State) (names []string) {
	for _, st := range s.Steps {
		if !slices.ContainsFunc(s.Steps, func(f *saga.Step) bool { return slices.Contains(f.After, st.Name) }) {
			names = append(names, st.Name)
		}
	}
	return names
}

// owedBack lists what a saga waits for that goes back.
func owedBack(s *saga.State, now time.Time) []string {
	var owed []string
	for _, st := range s.Steps {
		if st.Working() {
			last := st.Last()
			owed = append(owed, fmt.Sprintf("%s, which is still at attempt %d of step %s (instance %s)",
				last.Claim.Agent, last.N, st.Name, last.Claim.Instance))
		}
		for _, u := range st.Undos {
			if u.Outstanding() {
				owed = append(owed, owedUndo(st, u, now))
			}
		}
	}
	if len(owed) == 0 {
		owed = []string{"any agent of the type to go on with undoing (is one running?)"}
	}
	return owed
}

func owedUndo(st *saga.Step, u *saga.Undo, now time.Time) string {
	text := fmt.Sprintf("%s to undo step %s", u.Agent, st.Name)
	if n := len(u.Failures); u.Tries() > 0 {
		last := u.Failures[n-1]
		text += fmt.Sprintf(": %s failed (%s), the next is due %s", count(u.Tries(), "try"), say(&last.Error),
			due(last.Time.Add(time.Duration(last.Due)), now))
	}
	return text
}

// appeal tells a person what only a person can do.
func appeal(s *saga.State) string {
	switch {
	case s.Turned():
		return fmt.Sprintf("It turned back: %s. It is stuck, a person must look:%s", why(s), todo(s, true))
	case s.Committed != nil:
		return fmt.Sprintf("It cannot turn back any more: its pivot, %s, is done. It is stuck, a person must look:%s", s.Committed.Step, todo(s, true))
	default:
		return "It is stuck, a person must look:" + todo(s, true)
	}
}

// todo lists what a person can do, with the commands; headed by what about.
func todo(s *saga.State, headed bool) string {
	var b strings.Builder
	for _, i := range client.ItemsOf(s) {
		indent := "\n  "
		if headed {
			fmt.Fprintf(&b, "\n  - %s", owes(i))
			indent = "\n      "
		}
		for _, a := range inbox.Actions(i) {
			fmt.Fprintf(&b, "%s%s:%s  %s", indent, a.What, indent, a.Command)
		}
	}
	return b.String()
}

// owes says what an item needs a person for.
func owes(i client.Item) string {
	var last *events.Error
	if n := len(i.Tries); n > 0 {
		last = i.Tries[n-1].Error
	}
	switch i.Need {
	case client.NeedUndo:
		return fmt.Sprintf("%s could not undo step %s, %s failed (%s)", i.Agent, i.Step, count(len(i.Tries), "try"), say(last))
	case client.NeedStep:
		return fmt.Sprintf("step %s failed, %s gave it up (%s)", i.Step, i.Agent, say(last))
	default:
		return fmt.Sprintf("%s asks at step %s: %s", i.Agent, i.Step, ink.Clean(cmp.Or(i.Question, i.WaitsFor)))
	}
}

// due says when, seen from now.
func due(at, now time.Time) string {
	if d := at.Sub(now); d > 0 {
		return "in " + ink.Span(d)
	}
	return ink.Span(now.Sub(at)) + " ago"
}

func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	default:
		return fmt.Sprintf("%d %ss", n, what)
	}
}
