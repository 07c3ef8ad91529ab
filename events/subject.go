package events

import (
	"fmt"
	"strconv"
	"strings"
)

// A Subject is the slot of one fact: saga.<type>.<step>.<event>.<id>.
type Subject struct {
	Type  string // the saga's type
	Step  string // empty for events of the task and of the saga
	Kind  Kind
	N     int    // attempt, answer, try at undoing, or redo; 0 where the kind has none
	Agent string // empty where the kind names none
	ID    string // the saga's id
}

// TaskSubject is the slot of the task with which a saga begins.
func TaskSubject(typ, id string) Subject { return Subject{Type: typ, Kind: Submitted, ID: id} }

// LatchSubject is the slot of the latch that turns a saga.
func LatchSubject(typ, id string) Subject { return Subject{Type: typ, Kind: Unwinding, ID: id} }

// CommitSubject is the slot of the pivot, after which a saga cannot turn.
func CommitSubject(typ, id string) Subject { return Subject{Type: typ, Kind: Committed, ID: id} }

// ClaimSubject is the slot of the claim of attempt n of a step.
func ClaimSubject(typ, step string, n int, id string) Subject {
	if n == 1 {
		return Subject{Type: typ, Step: step, Kind: Started, ID: id}
	}
	return Subject{Type: typ, Step: step, Kind: Attempt, N: n, ID: id}
}

// HistoryFilter is the filter that the whole history of a saga passes, and no
// other event.
func HistoryFilter(typ, id string) string { return "saga." + typ + ".*.*." + id }

// String prints the subject as it stands on the wire. It does not validate.
func (s Subject) String() string {
	step := s.Step
	if s.Kind.valid() && grammar[s.Kind].step != "" {
		step = grammar[s.Kind].step
	}
	return "saga." + s.Type + "." + step + "." + s.Event() + "." + s.ID
}

// Event prints the event's token with its qualifier: "failed-2".
func (s Subject) Event() string {
	if !s.Kind.valid() {
		return s.Kind.String()
	}
	g := grammar[s.Kind]
	token := g.event
	if g.n > 0 {
		token += "-" + strconv.Itoa(s.N)
	}
	if g.agent {
		token += "-" + s.Agent
	}
	return token
}

// Filter prints a consumer's filter: this event of every saga of the type.
func (s Subject) Filter() string {
	s.ID = "*"
	return s.String()
}

// Validate says what is wrong with a subject that was put together by hand.
func (s Subject) Validate() error {
	if !s.Kind.valid() {
		return fmt.Errorf("subject: unknown kind %d", s.Kind)
	}
	g := grammar[s.Kind]
	if err := ValidName("saga type", s.Type); err != nil {
		return err
	}
	if err := ValidID(s.ID); err != nil {
		return err
	}
	switch {
	case g.step == "":
		if err := ValidStep(s.Step); err != nil {
			return err
		}
	case s.Step != "":
		return fmt.Errorf("subject: %s is no event of a step, but names step %q", s.Kind, s.Step)
	}
	switch {
	case g.n == 0 && s.N != 0:
		return fmt.Errorf("subject: %s takes no number, but has %d", s.Kind, s.N)
	case g.n > 0 && (s.N < g.n || s.N > g.max):
		return fmt.Errorf("subject: %s-%d: the number must be %d to %d", g.event, s.N, g.n, g.max)
	}
	switch {
	case g.agent:
		return ValidAgent(s.Agent)
	case s.Agent != "":
		return fmt.Errorf("subject: %s names no agent, but has %q", s.Kind, s.Agent)
	}
	return nil
}

// Parse reads a subject from the wire. Whatever is not exactly the grammar is
// refused with the reason.
func Parse(subject string) (Subject, error) {
	s, err := parse(subject)
	if err != nil {
		return Subject{}, fmt.Errorf("parse subject %q: %w", subject, err)
	}
	return s, nil
}

func parse(subject string) (Subject, error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 5 {
		return Subject{}, fmt.Errorf("it has %d tokens, an event has 5: saga.<type>.<step>.<event>.<id>", len(tokens))
	}
	if tokens[0] != "saga" {
		return Subject{}, fmt.Errorf("it begins with %q, an event begins with \"saga\"", tokens[0])
	}
	step := tokens[2]
	event, qualifier, qualified := strings.Cut(tokens[3], "-")
	kind, ok := kindOf(step, event)
	if !ok {
		return Subject{}, fmt.Errorf("no event %q of %q", event, step)
	}
	g := grammar[kind]
	s := Subject{Type: tokens[1], Kind: kind, ID: tokens[4]}
	if g.step == "" {
		s.Step = step
	}
	if wants := g.n > 0 || g.agent; wants != qualified {
		if wants {
			return Subject{}, fmt.Errorf("event %q needs a qualifier", event)
		}
		return Subject{}, fmt.Errorf("event %q takes no qualifier, but has %q", event, qualifier)
	}
	if g.n > 0 {
		number, rest, more := strings.Cut(qualifier, "-")
		n, err := strconv.Atoi(number)
		if err != nil || strconv.Itoa(n) != number {
			return Subject{}, fmt.Errorf("event %q needs a number, not %q", event, number)
		}
		if more != g.agent {
			return Subject{}, fmt.Errorf("qualifier %q of event %q: want %s", qualifier, event, map[bool]string{true: "<n>-<agent>", false: "<n>"}[g.agent])
		}
		s.N, qualifier = n, rest
	}
	if g.agent {
		s.Agent = qualifier
	}
	return s, s.Validate()
}

// Guard returns the slot that must be free for this one to be written: the
// latch for a forward event, the next claim for the outcome of an attempt, the
// pivot's commitment for the latch. Other events have no guard.
func (s Subject) Guard() (Subject, bool) {
	if !s.Kind.valid() {
		return Subject{}, false
	}
	switch grammar[s.Kind].guard {
	case byLatch:
		return LatchSubject(s.Type, s.ID), true
	case byNext:
		return ClaimSubject(s.Type, s.Step, s.N+1, s.ID), true
	case byCommit:
		return CommitSubject(s.Type, s.ID), true
	default:
		return Subject{}, false
	}
}

// Forward reports whether the event only counts while the saga has neither
// turned nor ended.
func (k Kind) Forward() bool { return k.valid() && grammar[k].guard == byLatch }
