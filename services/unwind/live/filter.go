package live

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// A Filter says which events are shown. What is empty lets everything pass.
type Filter struct {
	Steps  []string
	Agents []string // who wrote it, or whom it is for
	Kinds  []events.Kind
	Prefix string // of the saga's id
	Error  string // is in the code or the message of its error, in capitals or not
}

// Passes reports whether an event is shown.
func (f Filter) Passes(e events.Event) bool {
	s := e.Subject
	if !strings.HasPrefix(s.ID, f.Prefix) ||
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, s.Kind) ||
		len(f.Steps) > 0 && !slices.Contains(f.Steps, s.Step) {
		return false
	}
	if len(f.Agents) == 0 && f.Error == "" {
		return true
	}
	var told struct {
		Agent, From string
		Error       events.Error
	}
	if json.Unmarshal(e.Data, &told) != nil {
		told.Agent, told.From, told.Error = "", "", events.Error{}
	}
	if s.Kind == events.Submitted {
		return false // whatever stands in a task is its own
	}
	agents := []string{s.Agent, told.Agent, told.From}
	has := func(agent string) bool { return agent != "" && slices.Contains(f.Agents, agent) }
	if len(f.Agents) > 0 && !slices.ContainsFunc(agents, has) {
		return false
	}
	text := strings.ToLower(told.Error.Code + "\n" + told.Error.Message)
	return f.Error == "" || strings.Contains(text, strings.ToLower(f.Error))
}
