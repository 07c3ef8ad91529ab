package verify

import (
	"slices"

	"github.com/unwind-saga/unwind/events"
)

// A history is one saga's, in order.
type history []events.Event

// find returns the event in a slot; nil if it is free.
func (h history) find(s events.Subject) *events.Event {
	if i := slices.IndexFunc(h, func(e events.Event) bool { return e.Subject == s }); i >= 0 {
		return &h[i]
	}
	return nil
}

func (h history) has(s events.Subject) bool { return h.find(s) != nil }

// all returns the events of a step that a condition holds for.
func (h history) all(keep func(events.Event) bool) (list history) {
	for _, e := range h {
		if keep(e) {
			list = append(list, e)
		}
	}
	return list
}

// claims returns the claims of a step.
func (h history) claims(step string) history {
	return h.all(func(e events.Event) bool {
		return e.Subject.Step == step && (e.Subject.Kind == events.Started || e.Subject.Kind == events.Attempt)
	})
}

// of returns the events of a kind at a step.
func (h history) of(k events.Kind, step string) history {
	return h.all(func(e events.Event) bool { return e.Subject.Kind == k && e.Subject.Step == step })
}

func (h history) last() uint64 {
	if len(h) == 0 {
		return 0
	}
	return h[len(h)-1].Seq
}

// unpack reads the data of an event, or complains.
func unpack[T any](e *events.Event) (T, error) {
	var data T
	if e == nil {
		return data, wrong("a claim", "there is none")
	}
	if err := e.Unpack(&data); err != nil {
		return data, wrong("data of "+e.Subject.Event()+" as its JSON Schema says", err.Error())
	}
	return data, nil
}
