package live_test

import (
	"slices"
	"testing"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

func TestFilter(t *testing.T) {
	history := everything(t)
	for name, c := range map[string]struct {
		filter live.Filter
		want   int
	}{
		"nothing is asked for":           {live.Filter{}, len(history)},
		"a kind":                         {live.Filter{Kinds: []events.Kind{events.Pending}}, 3},
		"one of two kinds":               {live.Filter{Kinds: []events.Kind{events.Fallback, events.Redo}}, 2},
		"a step":                         {live.Filter{Steps: []string{"mail"}}, 2},
		"an agent, and what is for it":   {live.Filter{Agents: []string{"card-lite"}}, 4},
		"an error's code, in capitals":   {live.Filter{Error: "HTTP_503"}, 5},
		"an error's message":             {live.Filter{Error: "no answer came"}, 1},
		"a kind of a step":               {live.Filter{Steps: []string{"sms"}, Kinds: []events.Kind{events.Failed}}, 1},
		"the beginning of an id":         {live.Filter{Prefix: "order-"}, len(history)},
		"the beginning of another id":    {live.Filter{Prefix: "order-2"}, 0},
		"an agent that a task speaks of": {live.Filter{Agents: []string{"shop"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.DeleteFunc(slices.Clone(history), func(e events.Event) bool { return !c.filter.Passes(e) })
			if len(got) != c.want {
				t.Errorf("%d events pass, want %d: %v", len(got), c.want, got)
			}
		})
	}
}
