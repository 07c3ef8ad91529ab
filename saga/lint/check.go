package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/config"
)

// Check judges the agents of one or several saga types together. Each Config
// should be valid by itself. The order of the findings does not depend on the
// order of the agents.
func Check(agents []config.Config) []Finding {
	types := map[string][]config.Config{}
	for _, a := range agents {
		types[a.Saga] = append(types[a.Saga], a.WithDefaults())
	}
	var found []Finding
	for _, typ := range slices.Sorted(maps.Keys(types)) {
		w := newWorkflow(typ, types[typ])
		w.checkAgents()
		w.checkChains()
		w.checkGraph()
		w.checkPivots()
		w.checkConditions()
		w.checkDeadlines()
		w.checkHistory()
		w.checkRails()
		w.checkResults()
		w.checkUndo()
		found = append(found, w.found...)
	}
	slices.SortStableFunc(found, compare)
	return found
}

// A workflow is what the agents of one saga type make together.
type workflow struct {
	typ     string
	agents  []config.Config            // by name
	agent   map[string]config.Config   // the first of each name
	players map[string][]config.Config // of each step, without those of a name that is taken
	primary map[string]config.Config   // of each step that has one, the first
	steps   []string                   // those that have a primary
	found   []Finding
}

func newWorkflow(typ string, agents []config.Config) *workflow {
	w := &workflow{
		typ: typ, agents: slices.Clone(agents),
		agent: map[string]config.Config{}, players: map[string][]config.Config{}, primary: map[string]config.Config{},
	}
	slices.SortStableFunc(w.agents, func(a, b config.Config) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.At("agent").File, b.At("agent").File))
	})
	for _, a := range w.agents {
		if _, taken := w.agent[a.Agent]; taken {
			continue
		}
		w.agent[a.Agent] = a
		w.players[a.Step] = append(w.players[a.Step], a)
		if _, has := w.primary[a.Step]; !has && !a.StandIn {
			w.primary[a.Step] = a
		}
	}
	w.steps = slices.Sorted(maps.Keys(w.primary))
	return w
}

func (w *workflow) tell(code Code, at config.Place, hint, format string, args ...any) {
	w.found = append(w.found, Finding{
		Severity: severities[code], Code: code, Saga: w.typ, Place: at, Text: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// chain lists the agents that perform a step, one after the other.
func (w *workflow) chain(step string) []config.Config {
	chain := []config.Config{w.primary[step]}
	for _, name := range chain[0].FallbackAgents {
		if a, ok := w.agent[name]; ok && a.StandIn && a.Step == step {
			chain = append(chain, a)
		}
	}
	return chain
}

// final reports whether an agent's step ends the saga.
func (w *workflow) final(a config.Config) bool {
	if p, ok := w.primary[a.Step]; ok {
		return p.Final
	}
	return a.Final
}

// names lists words as people do: a, b and c.
func names(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// agentNames lists the names of agents.
func agentNames(agents []config.Config) string {
	var list []string
	for _, a := range agents {
		list = append(list, a.Agent)
	}
	return names(list)
}
