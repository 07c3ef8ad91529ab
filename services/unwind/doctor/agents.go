package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga/lint"
	"github.com/unwind-saga/unwind/services/unwind/graph"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/roster"
)

// patient is how long a message may wait for an agent that runs.
const patient = time.Minute

// agents looks at who is there, and at what waits for those who are not.
func (e *examiner) agents(ctx context.Context, typ string) error {
	f := e.of("agents", typ)
	all, err := roster.Call(ctx, e.log, typ)
	if err != nil {
		text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		return f.find(Note, hint, "who is there could not be found out: %s", text)
	}
	there, instances := 0, 0
	for _, a := range all {
		if a.There() {
			there++
			instances += a.Running
		}
		if err := present(f, a, time.Now()); err != nil {
			return err
		}
	}
	if there > 0 {
		if err := f.find(Well, "", "%s running, in %s that announce themselves", count(there, "agent"), count(instances, "instance")); err != nil {
			return err
		}
	}
	return e.choreography(typ, graph.Live(typ, all))
}

// present tells what is wrong with one agent.
func present(f finder, a roster.Agent, now time.Time) error {
	waits := a.Waiting + uint64(a.Held)
	switch {
	case !a.There() && waits > 0:
		return f.find(Bad, "start it: its sagas go on where they stand", "%s: no instance is running%s, %s for it", a.Agent, seen(a, now), wait(waits))
	case !a.There():
		return f.find(Warning, "its work will wait until it is started", "%s: no instance is running%s", a.Agent, seen(a, now))
	case !a.Oldest.IsZero() && now.Sub(a.Oldest) > patient:
		return f.find(Warning, "start more instances, or allow each more calls at a time (concurrency)",
			"%s: %s, the oldest for %s", a.Agent, wait(a.Waiting), ink.Span(now.Sub(a.Oldest)))
	case a.Odd != nil:
		return f.find(Note, "it may be of another version", "%s: what it declares can't be read: %v", a.Agent, a.Odd)
	case len(a.Versions) > 1:
		return f.find(Note, "fine during an update", "%s runs in several versions: %s", a.Agent, strings.Join(a.Versions, ", "))
	}
	return nil
}

// choreography tells who is missing in it, and what lint says about it.
func (e *examiner) choreography(typ string, g graph.Graph) error {
	f := e.of("choreography", typ)
	well := true
	for _, found := range g.Findings {
		level := map[lint.Severity]Level{lint.Error: Bad, lint.Warning: Warning, lint.Note: Note}[found.Severity]
		well = well && level == Note
		if err := f.find(level, found.Hint, "%s", found.Text); err != nil {
			return err
		}
	}
	if len(g.Unjudged) > 0 {
		return f.find(Note, "agents that do not announce themselves are in `unwind graph "+typ+"` all the same", "not judged, since %s", declareNothing(g.Unjudged))
	}
	if well {
		return f.find(Well, "", "what the agents declare fits together")
	}
	return nil
}

func declareNothing(agents []string) string {
	if len(agents) == 1 {
		return agents[0] + " declares nothing"
	}
	return strings.Join(agents, ", ") + " declare nothing"
}

func seen(a roster.Agent, now time.Time) string {
	if a.LastGiven.IsZero() {
		return ""
	}
	return ", last given work " + ink.Span(now.Sub(a.LastGiven)) + " ago"
}

func wait(n uint64) string {
	if n == 1 {
		return "1 message waits"
	}
	return fmt.Sprintf("%d messages wait", n)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
