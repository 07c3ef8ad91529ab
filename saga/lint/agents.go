package lint

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/unwind-saga/unwind/saga/config"
)

// checkAgents: each name is one agent, each step has one primary.
func (w *workflow) checkAgents() {
	for i, a := range w.agents {
		if i > 0 && w.agents[i-1].Agent == a.Agent {
			other := ""
			if file := w.agent[a.Agent].At("agent").File; file != "" {
				other = " (the other is in " + file + ")"
			}
			w.tell(DuplicateAgent, a.At("agent"), "give each agent its own name; replicas of one agent run from one file; where one stands in place of the other, name the files or folders that are meant",
				"two agents of saga %s are named %s%s: they would share one consumer, and each event would reach only one of them, by chance",
				w.typ, a.Agent, other)
		}
	}
	for _, step := range slices.Sorted(maps.Keys(w.players)) {
		players := w.players[step]
		primaries := slices.DeleteFunc(slices.Clone(players), func(a config.Config) bool { return a.StandIn })
		switch {
		case len(primaries) == 0:
			w.tell(NoPrimary, players[0].At("stand_in"), "remove stand_in from one of them, and say in `after` what it follows",
				"step %s of saga %s would never begin: only stand-ins play it (%s), and nobody hands it to them",
				step, w.typ, agentNames(players))
		case len(primaries) > 1:
			second := primaries[1]
			w.tell(TwoPrimaries, second.At("step"), "set stand_in: true in all but one, and name those in its fallback_agents",
				"step %s of saga %s has %d primaries, %s: each of them would begin it, and the second would take it over while the first still works",
				step, w.typ, len(primaries), agentNames(primaries))
		}
	}
}

// checkChains: every hand-over is heard, and every stand-in can do what its
// primary does.
func (w *workflow) checkChains() {
	named := map[string]bool{}
	for _, a := range w.agents {
		for i, name := range a.FallbackAgents {
			named[name] = true
			at := a.At(fmt.Sprintf("fallback_agents[%d]", i))
			heard := fmt.Sprintf("saga %s would stand still until its deadline once %s hands step %s over to %s",
				w.typ, a.Agent, a.Step, name)
			standIn, ok := w.agent[name]
			switch {
			case !ok:
				w.tell(UnknownAgent, at, fmt.Sprintf("write the file of %s, with step: %s and stand_in: true, or correct the name", name, a.Step),
					"%s: there is no such agent", heard)
			case standIn.Step != a.Step:
				w.tell(FallbackElse, at, fmt.Sprintf("name a stand-in with step: %s", a.Step),
					"%s: it plays step %s, and does not hear it", heard, standIn.Step)
			case standIn.StandIn:
				w.comparePlayers(a, standIn)
			}
		}
	}
	for _, a := range w.agents {
		if _, ok := w.primary[a.Step]; ok && a.StandIn && !named[a.Agent] {
			w.tell(IdleStandIn, a.At("stand_in"), fmt.Sprintf("name it in the fallback_agents of the primary of step %s", a.Step),
				"agent %s of saga %s would never have anything to do: it stands in for step %s, and nobody hands that over to it",
				a.Agent, w.typ, a.Step)
		}
	}
}

func (w *workflow) comparePlayers(primary, standIn config.Config) {
	if primary.Final && !standIn.Final {
		w.tell(FinalDiffers, standIn.At("final"), "set final: true here too",
			"saga %s would never complete once step %s was handed over: it is final for %s, but not for %s, who would do it then",
			w.typ, primary.Step, primary.Agent, standIn.Agent)
	}
	if !primary.Final && standIn.Final {
		w.tell(FinalDiffers, standIn.At("final"), "remove final here",
			"saga %s would complete too early once step %s was handed over: it is final for %s, but not for its primary, %s",
			w.typ, primary.Step, standIn.Agent, primary.Agent)
	}
	if primary.Pivot != standIn.Pivot {
		w.tell(PivotDiffers, standIn.At("pivot"), "say the same in both files",
			"whether saga %s can turn after step %s would depend on who performed it: it is the pivot for one of %s and %s only",
			w.typ, primary.Step, primary.Agent, standIn.Agent)
	}
	if !bytes.Equal(primary.ResultSchema.JSON(), standIn.ResultSchema.JSON()) {
		w.tell(ResultsDiffer, standIn.At("result_schema"), "give both the same result_schema, best as one file",
			"those that follow step %s of saga %s may get another result than they know once it was handed over: the result_schema of %s is not that of %s",
			primary.Step, w.typ, standIn.Agent, primary.Agent)
	}
}

// checkResults: what others read should be checked where it is made.
func (w *workflow) checkResults() {
	var unchecked []string
	for _, step := range w.steps {
		p := w.primary[step]
		read := slices.ContainsFunc(w.steps, func(other string) bool { return slices.Contains(w.primary[other].After, step) })
		if read && p.ResultSchema == nil {
			unchecked = append(unchecked, step)
		}
	}
	if len(unchecked) > 0 {
		w.tell(UncheckedResults, config.Place{}, "a result_schema makes a wrong result a failure of the step that made it",
			"saga %s hands the results of %s on unchecked: what is wrong with one would show only where it is read",
			w.typ, names(unchecked))
	}
}

// checkUndo: every step that may have to go back says how, or that it need not.
func (w *workflow) checkUndo() {
	for _, a := range w.agents {
		if a.CompensationHandler == "" && !w.final(a) {
			key := "compensation_handler"
			if a.Handler != nil {
				key = "compensation"
			}
			w.tell(NoUndo, a.At("agent"), "name a "+key+", or say compensation_handler: none",
				"what %s does at step %s would stay done when saga %s goes back: it has no %s",
				a.Agent, a.Step, w.typ, key)
		}
	}
}
