package owed

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Sentence says in words what a saga waits for, who owes it, and when it turns by
// itself. What a person owes is told in [Debt.Say] alone: there is more to tell
// about it than fits into a sentence.
func Sentence(s *saga.State, debts []Debt, p Presence, t ink.Times) string {
	var now, joins []string
	for _, d := range debts {
		if len(d.Waits) > 0 {
			joins = append(joins, d.Say(s, p, t))
		} else {
			now = append(now, d.Say(s, p, t))
		}
	}
	end := Deadline(s, p, t)
	text := "Waiting for\n  - " + strings.Join(now, ",\n  - ")
	switch {
	case len(now) == 1 && (end == "" || strings.Contains(now[0], ";") || strings.HasSuffix(now[0], "?")):
		text = "Waiting for " + stop(now[0]) + sentence(" ", end)
	case len(now) == 1:
		text = "Waiting for " + now[0] + "; " + end
	default:
		text = stop(text) + sentence("\n", end)
	}
	text = stop(text)
	for _, join := range joins {
		text += sentence("\n", join)
	}
	return text
}

// sentence makes one of its own of a text, after what is before it.
func sentence(gap, text string) string {
	if text == "" {
		return ""
	}
	return gap + strings.ToUpper(text[:1]) + stop(text[1:])
}

// stop ends a sentence, once.
func stop(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return strings.TrimSuffix(text, ".") + "."
}

// Deadline says when a saga turns by itself, and whether somebody is there to do
// it; nothing of a saga that has turned or can't.
func Deadline(s *saga.State, p Presence, t ink.Times) string {
	nobody := p.Asked && !p.anybody()
	switch {
	case s.Ended() || s.Turned():
		return ""
	case s.Committed != nil:
		return fmt.Sprintf("it cannot turn back any more: its pivot, %s, is done", s.Committed.Step)
	case s.Deadline.IsZero():
		return ""
	case nobody && s.Deadline.After(t.Now):
		return fmt.Sprintf("its time is up %s, and no agent of type %s is running now to turn it", t.At(s.Deadline), s.Type)
	case nobody:
		return fmt.Sprintf("its time was up %s, and no agent of type %s is running to turn it", t.At(s.Deadline), s.Type)
	case s.Deadline.After(t.Now):
		return fmt.Sprintf("it turns back by itself %s", t.At(s.Deadline))
	default:
		return fmt.Sprintf("its time was up %s: any agent of the type turns it back", t.At(s.Deadline))
	}
}

// Say tells one debt: what is owed, and who is there to pay it.
func (d Debt) Say(s *saga.State, p Presence, t ink.Times) string {
	what, who := d.what(s, t), d.who(s, p, t)
	switch {
	case who == "":
		return what
	case strings.HasSuffix(who, "?"):
		return fmt.Sprintf("%s (%s)", what, who)
	default:
		return what + ": " + who
	}
}

// what tells what is owed, from the history alone.
func (d Debt) what(s *saga.State, t ink.Times) string {
	switch d.Kind {
	case Submit:
		return "its task"
	case Begin:
		return d.begin()
	case Perform:
		text := fmt.Sprintf("%s, which is at attempt %d of step %s %s", d.Agent, d.Attempt, d.Step, t.Since(d.Since))
		if s.Turned() {
			text = fmt.Sprintf("%s, which is still at attempt %d of step %s", d.Agent, d.Attempt, d.Step)
		}
		return text + fmt.Sprintf(" (instance %s)", ink.Clean(d.Instance))
	case Retry:
		text := fmt.Sprintf("%s to make attempt %d of step %s", d.Agent, d.Attempt, d.Step)
		if d.By != "" {
			text += fmt.Sprintf(", as %s asked", ink.Clean(d.By))
		}
		text += ", due " + t.At(d.Due)
		if d.Throttled {
			text += fmt.Sprintf(", when it was asked to come back (%s)", Why(d.Why))
		}
		return text
	case TakeOver:
		return fmt.Sprintf("%s to take step %s over from %s", d.Agent, d.Step, d.From)
	case Outcome:
		text := fmt.Sprintf("%s, which step %s needs", ink.Clean(d.What), d.Step)
		return text + d.patience(t)
	case Answer:
		text := fmt.Sprintf("a person to answer %s at step %s", d.Agent, d.Step)
		if q := ink.Clean(d.What); q != "" {
			text += ": " + strings.TrimSuffix(q, ".")
		}
		return text + d.patience(t)
	case Mend:
		return fmt.Sprintf("a person to see to step %s, which failed after the pivot (%s)", d.Step, Why(d.Why))
	case Hear:
		return fmt.Sprintf("%s to take up what %s said of step %s, %s", d.Agent, ink.Clean(d.By), d.Step, d.Said)
	case Turn:
		if d.Step == "" {
			return fmt.Sprintf("any agent of the type to turn the saga back, because its task is not acceptable (%s)", Why(d.Why))
		}
		return fmt.Sprintf("%s to turn the saga back, because step %s failed (%s)", d.Agent, d.Step, Why(d.Why))
	case Undo:
		text := fmt.Sprintf("%s to undo step %s", d.Agent, d.Step)
		if d.Tries > 0 {
			text += fmt.Sprintf(", %s failed (%s), the next is due %s", count(d.Tries, "try"), Why(d.Why), t.At(d.Due))
		}
		return text
	case Help:
		return fmt.Sprintf("a person to see to the undoing of step %s, which %s could not do, %s failed (%s)", d.Step, d.Agent, count(d.Tries, "try"), Why(d.Why))
	case Order:
		return "any agent of the type to go on with undoing"
	case End:
		if d.Agent != "" {
			return fmt.Sprintf("%s to end the saga, whose final step, %s, is done", d.Agent, d.Step)
		}
		return "any agent of the type to end the saga, of which all is undone"
	default:
		return string(d.Kind)
	}
}

func (d Debt) begin() string {
	after := and(d.After)
	switch {
	case d.Agent == "" && len(d.After) == 0:
		return "the agent that begins with the task"
	case d.Agent == "":
		return "the agent that follows " + after
	case len(d.Waits) > 0:
		have := slices.DeleteFunc(slices.Clone(d.After), func(name string) bool { return slices.Contains(d.Waits, name) })
		return fmt.Sprintf("step %s begins when %s is done as well as %s", d.Step, and(d.Waits), and(have))
	case len(d.After) == 0:
		return d.name() + " to begin with the task"
	default:
		return fmt.Sprintf("%s to begin, after %s", d.name(), after)
	}
}

// name tells who begins what.
func (d Debt) name() string {
	if d.Agent == d.Step {
		return d.Agent
	}
	return fmt.Sprintf("%s (step %s)", d.Agent, d.Step)
}

func (d Debt) patience(t ink.Times) string {
	if d.Due.IsZero() {
		return ""
	}
	return fmt.Sprintf("; %s gives it up %s", d.Agent, t.At(d.Due))
}

// who tells whether somebody is there to pay. It is empty where nobody can, or
// where that says nothing: a person is no process.
func (d Debt) who(s *saga.State, p Presence, t ink.Times) string {
	switch {
	case d.Person() || d.Kind == Outcome || d.Kind == Submit:
		return ""
	case d.Agent == "":
		return d.whoever(s, p)
	case !p.Asked:
		if d.Kind == TakeOver || d.Kind == Hear {
			return "is it running?"
		}
		return ""
	}
	seat := p.of(d.Agent, d.door())
	n := len(seat.instances)
	switch {
	case d.Kind == Perform && n > 0:
		return d.worker(seat, p.lease(d.Agent))
	case n > 0:
		return count(n, "instance") + " " + be(n) + " running" + seat.backlog()
	case seat.listens:
		return "somebody listens as " + d.Agent + ", and announces no instance" + seat.backlog()
	case !seat.known && named(s, d.Agent):
		return "nobody listens as " + d.Agent + " any more"
	case !seat.known:
		return fmt.Sprintf("nobody has ever listened as %s", d.Agent)
	case seat.held > 0:
		return fmt.Sprintf("nobody asks for messages as %s, but %s %s still held by somebody, who is busy or died%s",
			d.Agent, count(seat.held, "message"), be(seat.held), lastSeen(d, seat, t))
	default:
		return "no instance is running" + lastSeen(d, seat, t) + seat.backlog()
	}
}

// worker tells how the instance is that works on a step.
func (d Debt) worker(seat seat, lease time.Duration) string {
	if slices.Contains(seat.instances, d.Instance) {
		if lease > 0 {
			return fmt.Sprintf("it is running, by a lease of %s", ink.Span(lease))
		}
		return "it is running"
	}
	within := ""
	if lease > 0 {
		within = fmt.Sprintf(" (%s)", ink.Span(lease))
	}
	others, does := "another does", "takes"
	if n := len(seat.instances); n > 1 {
		others, does = fmt.Sprintf("%d others do", n), "one of them takes"
	}
	return fmt.Sprintf("that instance does not answer; %s, and %s the step over when the lease%s ends", others, does, within)
}

// whoever tells who might pay what no agent is named for.
func (d Debt) whoever(s *saga.State, p Presence) string {
	switch {
	case !p.Asked && d.Kind == Begin:
		return "is it running?"
	case !p.Asked:
		return "is one running?"
	case d.Kind == Begin && len(p.places()) == 0 && !p.anybody():
		return fmt.Sprintf("nobody has ever listened for sagas of type %s", s.Type)
	case d.Kind == Begin:
		text := "nobody has ever listened for that"
		if len(d.After) == 1 {
			text += fmt.Sprintf(", or the step was the final one and %s has not ended the saga yet", s.Step(d.After[0]).Done.Agent)
		}
		return text
	case p.anybody():
		return "one is running"
	default:
		return fmt.Sprintf("no agent of type %s is running", s.Type)
	}
}

// backlog tells what waits at the door.
func (s seat) backlog() string {
	if s.waiting == 0 {
		return ""
	}
	verb := " wait"
	if s.waiting == 1 {
		verb = " waits"
	}
	return ", " + count(int(s.waiting), "message") + verb + " for it"
}

// lastSeen tells when an agent was last given a message, or said something here.
func lastSeen(d Debt, seat seat, t ink.Times) string {
	seen := seat.seen
	if d.Kind == Perform {
		seen = later(seen, d.Since)
	}
	if seen.IsZero() {
		return ", none has ever been given a message"
	}
	return ", last seen " + t.At(seen)
}

// named reports whether an agent has done anything in a saga.
func named(s *saga.State, agent string) bool {
	return slices.ContainsFunc(s.Steps, func(st *saga.Step) bool {
		return slices.ContainsFunc(st.Attempts, func(a saga.Attempt) bool { return a.Claim.Agent == agent })
	})
}

// Why tells an error to a person: its message, or else its code.
func Why(err *events.Error) string {
	if err == nil {
		return "no reason given"
	}
	return ink.Clean(cmp.Or(err.Message, err.Code, "no reason given"))
}

func and(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func be(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
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
