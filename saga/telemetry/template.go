package telemetry

import (
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// template is a subject without what makes it one of very many: the id, and the
// numbers of attempts. Steps and agents stay: there are few of them.
func template(subject string, d events.Delivery) string {
	switch {
	case d.Err != nil:
		return "{unreadable}" // whatever a stranger wrote
	case d.Timer.What != "":
		return timerTemplate(d.Timer.Fired())
	default:
		return eventTemplate(subject)
	}
}

// eventTemplate is saga.<type>.<step>.<event>.{id}.
func eventTemplate(subject string) string {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 5 {
		return "{unreadable}"
	}
	tokens[3], tokens[4] = unnumbered(tokens[3]), "{id}"
	return strings.Join(tokens, ".")
}

// timerTemplate is timer.due.<type>.<to>.<what>.{id}.
func timerTemplate(subject string) string {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 6 {
		return "{unreadable}"
	}
	tokens[4], tokens[5] = unnumbered(tokens[4]), "{id}"
	return strings.Join(tokens, ".")
}

// unnumbered puts {n} where an event's name has a number: after the first hyphen,
// up to the next.
func unnumbered(token string) string {
	name, rest, found := strings.Cut(token, "-")
	if !found {
		return token
	}
	number, rest, more := strings.Cut(rest, "-")
	if number == "" || strings.Trim(number, "0123456789") != "" {
		return token
	}
	if more {
		return name + "-{n}-" + rest
	}
	return name + "-{n}"
}

// direction of what is done because of a message.
func direction(d events.Delivery) string {
	switch d.Timer.What {
	case events.UndoTimer, events.AdvanceTimer:
		return Back
	}
	return directionOf(d.Event.Subject.Kind)
}

// directionOf an event.
func directionOf(k events.Kind) string {
	switch k {
	case events.Unwinding, events.Compensate, events.Compensated, events.UndoFailed, events.Redo, events.SagaCompensated, events.Rejected:
		return Back
	default:
		return Forward
	}
}
