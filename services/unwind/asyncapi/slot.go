package asyncapi

import (
	"strconv"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// A slot is a kind of event as a channel: at a step and of an agent that are
// named, or stand for any.
type slot struct {
	kind  events.Kind
	typ   string // the saga type, or {type}
	step  string // empty for events of the task and of the saga; or {step}
	agent string // empty where the kind names none; or {agent}
}

// Numbers that stand for any: no name has them, so they can be found again in what
// was printed.
const (
	anyNumber  = 4242
	nextNumber = anyNumber + 1
)

func (s slot) subject() events.Subject {
	return events.Subject{Type: s.typ, Step: s.step, Kind: s.kind, N: anyNumber, Agent: s.agent, ID: "{id}"}
}

// address is the subject with the names of its parts.
func (s slot) address() string { return named(s.subject().String()) }

// guard is the address of the slot that must be free; empty where there is none.
func (s slot) guard() string {
	guard, ok := s.subject().Guard()
	if !ok {
		return ""
	}
	return named(guard.String())
}

func named(printed string) string {
	printed = strings.ReplaceAll(printed, strconv.Itoa(nextNumber), "{n+1}")
	return strings.ReplaceAll(printed, strconv.Itoa(anyNumber), "{n}")
}

// pattern is an address as a regular expression.
func pattern(address string) string {
	for part, expression := range map[string]string{
		"{type}": name, "{step}": name, "{agent}": name, "{id}": sagaID, "{n+1}": number, "{n}": number,
		"{to}": name, "{what}": what, "*": `\*`,
	} {
		address = strings.ReplaceAll(address, part, expression)
	}
	return "^" + strings.ReplaceAll(address, ".", `\.`) + "$"
}

const (
	name   = "[a-z][a-z0-9-]{0,62}"
	sagaID = "[A-Za-z0-9_-]{1,64}"
	number = "[1-9][0-9]{0,2}"
	what   = "(deadline|advance|(attempt|undo|answer)-" + number + ")"
)

// id of the channel, the message and what is said of it.
func (s slot) id() string {
	words := []string{}
	if s.step != "" && s.step != "{step}" {
		words = append(words, s.step)
	}
	words = append(words, strings.ReplaceAll(s.kind.String(), ".", "-"))
	if s.agent != "" && s.agent != "{agent}" {
		words = append(words, s.agent)
	}
	return strings.Join(words, "-")
}

// bounds are the lowest and the highest number that a kind may have; 0 where it
// has none.
func bounds(k events.Kind) (least, most int) {
	for n := 1; n <= events.MaxAttempt; n++ {
		s := events.Subject{Type: "t", Kind: k, N: n, ID: "1"}
		if hasStep(k) {
			s.Step = "s"
		}
		if hasAgent(k) {
			s.Agent = "a"
		}
		if s.Validate() == nil {
			if least == 0 {
				least = n
			}
			most = n
		}
	}
	return least, most
}

// hasStep and hasAgent ask the grammar.
func hasStep(k events.Kind) bool {
	with := slot{kind: k, typ: "t", step: "s", agent: "a"}.address()
	return strings.Contains(with, ".s.")
}

func hasAgent(k events.Kind) bool {
	return strings.Contains(slot{kind: k, typ: "t", step: "s", agent: "AGENT"}.address(), "-AGENT.")
}
