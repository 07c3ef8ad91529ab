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
	"github.com/unwind-saga/unwind/services/unwind/owed"
)

// Verdict says in words how a saga ended; or what it waits for, and who owes
// it.
func Verdict(s *saga.State, now time.Time) string {
	return VerdictOf(s, nil, owed.Presence{}, ink.Times{Now: now})
}

// VerdictOf is [Verdict] with what is known of who is there, and with times as
// they are wanted. The history dates what the state does not.
func VerdictOf(s *saga.State, history []events.Event, p owed.Presence, t ink.Times) string {
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
		text := fmt.Sprintf("It is rejected, nothing was begun: agent %s says: %s.", s.Rejected.Agent, owed.Why(&s.Rejected.Error))
		if !s.Ended() {
			text += " Waiting for any agent of the type to end it."
		}
		return text + seenTo(s)
	case saga.Compensated:
		return fmt.Sprintf("It is compensated: %s; everything that was done is undone.%s", why(s), seenTo(s))
	case saga.Stuck:
		return appeal(s, history, p, t)
	case saga.Unwinding:
		return fmt.Sprintf("It turned back: %s. %s", why(s), owed.Sentence(s, owed.Of(s, history, p), p, t))
	default:
		// One question has been told by now.
		return owed.Sentence(s, owed.Of(s, history, p), p, t) + todo(s, len(client.ItemsOf(s)) > 1)
	}
}

// seenTo says what somebody did about work that was not done.
func seenTo(s *saga.State) string {
	d := s.Dismissed
	if d == nil {
		return ""
	}
	text := fmt.Sprintf(" It was %s by %s", d.As, ink.Clean(d.By))
	if d.To != "" {
		text += fmt.Sprintf(": `unwind saga show %s %s`", s.Type, d.To)
	}
	if d.Reason != "" {
		text += " (" + ink.Clean(d.Reason) + ")"
	}
	return text + "."
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
	return " (" + owed.Why(err) + ")"
}

// appeal tells a person what only a person can do, and what else is owed beside
// that.
func appeal(s *saga.State, history []events.Event, p owed.Presence, t ink.Times) string {
	text := "It is stuck, a person must look:"
	switch {
	case s.Turned():
		text = fmt.Sprintf("It turned back: %s. %s", why(s), text)
	case s.Committed != nil:
		text = fmt.Sprintf("It cannot turn back any more: its pivot, %s, is done. %s", s.Committed.Step, text)
	}
	text += todo(s, true)
	debts := slices.DeleteFunc(owed.Of(s, history, p), owed.Debt.Person)
	if len(debts) == 0 {
		return text
	}
	text += "\nMeanwhile it waits for"
	for _, d := range debts {
		text += "\n  - " + d.Say(s, p, t)
	}
	return text
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
		return fmt.Sprintf("%s could not undo step %s, %s failed (%s)", i.Agent, i.Step, count(len(i.Tries), "try"), owed.Why(last))
	case client.NeedStep:
		return fmt.Sprintf("step %s failed, %s gave it up (%s)", i.Step, i.Agent, owed.Why(last))
	default:
		return fmt.Sprintf("%s asks at step %s: %s", i.Agent, i.Step, ink.Clean(cmp.Or(i.Question, i.WaitsFor)))
	}
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
