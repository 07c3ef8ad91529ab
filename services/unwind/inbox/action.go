package inbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/client"
)

// An Action is something that a person can do about an item.
type Action struct {
	What    string // in words
	Command string // to be typed
	Then    string // what comes of it
}

// Actions lists what can be done, the way forward first.
func Actions(i client.Item) []Action {
	do := func(verb, rest string) string {
		return fmt.Sprintf("unwind inbox %s %s %s %s%s --reason '...'", verb, i.Type, i.ID, i.Step, rest)
	}
	switch i.Need {
	case client.NeedAnswer:
		list := []Action{{"decide it, or do it", do("resolve", " --data '{...}'"), fmt.Sprintf("%s checks the result, and the saga goes on", i.Agent)}}
		for n, agent := range others(i) {
			what := "let it be tried again"
			if n > 0 {
				what = "or by " + agent
			}
			list = append(list, Action{what, do("retry", " --agent "+agent), fmt.Sprintf("%s has the step again; if it fails, you are asked again", agent)})
		}
		return append(list, Action{"say no", do("refuse", ""), noMeans(i)})
	case client.NeedStep:
		list := []Action{{"let it be tried again", do("retry", ""), fmt.Sprintf("%s tries once more", i.Agent)}}
		for _, agent := range others(i) {
			list = append(list, Action{"let another try", do("retry", " --agent "+agent), fmt.Sprintf("%s has the step", agent)})
		}
		return append(list, Action{"do it by hand, then say so", do("resolve", " --data '{...}'"), "the saga goes on with your result"})
	case client.NeedUndo:
		return []Action{
			{"let it be tried again", do("retry", " --agent "+i.Agent), fmt.Sprintf("%s tries to undo it again", i.Agent)},
			{"undo it by hand, then say so", do("resolve", " --agent "+i.Agent), "it counts as undone, and the steps before it are undone; this cannot be taken back"},
		}
	default:
		return []Action{{"look at it", fmt.Sprintf("unwind saga show %s %s --events", i.Type, i.ID), "one event contradicts another; nothing goes on before that is understood"}}
	}
}

// others lists the agents beside the one that asks, those that have tried first.
func others(i client.Item) (agents []string) {
	add := func(agent string) {
		if agent != i.Agent && slices.Contains(i.Agents, agent) && !slices.Contains(agents, agent) {
			agents = append(agents, agent)
		}
	}
	for _, t := range i.Tries {
		add(t.Agent)
	}
	for _, agent := range i.Agents {
		add(agent)
	}
	return agents
}

// HandBack is the agent to which a step goes that is handed back without
// naming one: a question goes to who had the step first, a step that failed to
// who gave it up. It is empty when there is nobody beside the one that asks.
func HandBack(i client.Item) string {
	if i.Need != client.NeedAnswer {
		return i.Agent
	}
	if list := others(i); len(list) > 0 {
		return list[0]
	}
	return ""
}

func noMeans(i client.Item) string {
	switch {
	case i.Pivot != "":
		return fmt.Sprintf("there is no way back after the pivot %s: you have to do it by hand then", i.Pivot)
	case len(i.Undoes) == 0:
		return "the saga turns back; nothing else of it is to be undone"
	default:
		return "the saga turns back, and undone is what was done at " + strings.Join(i.Undoes, ", ")
	}
}

// About says in a line what an item is about.
func About(i client.Item) string {
	why := "nobody says why"
	if n := len(i.Tries); n > 0 {
		why = "what became of it is not known"
		if err := i.Tries[n-1].Error; err != nil {
			why = cmp.Or(err.Message, err.Code, "no reason given")
		}
	}
	switch i.Need {
	case client.NeedAnswer:
		return cmp.Or(i.Question, i.WaitsFor, "it waits for a person")
	case client.NeedStep:
		return fmt.Sprintf("failed after the pivot %s: %s", i.Pivot, why)
	case client.NeedUndo:
		return "could not be undone: " + why
	default:
		return "its history makes no sense: " + i.Error
	}
}
