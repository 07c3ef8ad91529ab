package roster

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Find picks the agent of a name. That there are several, of different saga types,
// is an error that names them, and so is that there is none.
func Find(all []Agent, name string) (Agent, error) {
	var found []Agent
	var types, names []string
	for _, a := range all {
		names = append(names, a.Agent)
		if a.Agent == name {
			found, types = append(found, a), append(types, a.Type)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		slices.Sort(names)
		return Agent{}, fmt.Errorf("there is no agent %q, and there never was\nhint: there are %s", name, cmp.Or(strings.Join(slices.Compact(names), ", "), "none"))
	default:
		return Agent{}, fmt.Errorf("there is an agent %q in %d saga types\nhint: --type is one of %s", name, len(found), strings.Join(types, ", "))
	}
}

// A Description is all that is known of an agent, for programs.
type Description struct {
	Agent
	Declared  json.RawMessage   `json:"declared,omitempty"` // by its newest instance
	Instances []events.Instance `json:"running"`            // without what they declare
	Backlogs  []events.Backlog  `json:"consumers"`
}

// Description gives what [Describe] tells, for programs.
func (a Agent) Description() Description {
	d := Description{Agent: a, Instances: []events.Instance{}, Backlogs: a.Backlogs}
	if a.Config != nil {
		d.Declared, _ = a.Config.Declared()
	}
	for _, i := range a.Instances {
		i.Declared = nil
		d.Instances = append(d.Instances, i)
	}
	return d
}

// Describe tells people all that is known of an agent.
func Describe(w io.Writer, a Agent, now time.Time, schemas bool, o Options) error {
	lines := []string{o.Ink.Name(a.Agent, a.Agent) + o.Ink.Paint(ink.Quiet, " of saga "+a.Type), ""}
	c, declared := a.Heard(), a.Config != nil
	c.Step = cmp.Or(c.Step, a.Step)
	if declared {
		c = *a.Config
	}
	for _, f := range facts(c, declared, declared || len(a.Backlogs) > 0) {
		lines = append(lines, "  "+o.Ink.Paint(ink.Quiet, ink.Left(f[0], 14))+strings.ReplaceAll(ink.Clean(f[1]), "\n", " "))
	}
	switch {
	case a.Odd != nil:
		lines = append(lines, "", o.Ink.Paint(ink.Warn, "what it declares can't be read: ")+ink.Clean(a.Odd.Error()))
	case !declared:
		lines = append(lines, "", "It declares nothing: its place is what its consumers hear.")
	}
	lines = append(lines, "", o.Ink.Paint(ink.Strong, a.presence(now)))
	lines = append(lines, indent(a.processes(now, o))...)
	if len(a.Backlogs) > 0 {
		lines = append(lines, "", o.Ink.Paint(ink.Strong, "consumers"))
		lines = append(lines, indent(a.queues(now, o))...)
	}
	if schemas {
		lines = append(lines, schema("task_schema", c.TaskSchema, o)...)
		lines = append(lines, schema("result_schema", c.ResultSchema, o)...)
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// facts are what is worth knowing of a configuration.
func facts(c config.Config, declared, placed bool) (all [][2]string) {
	say := func(name, format string, args ...any) {
		all = append(all, [2]string{name, fmt.Sprintf(format, args...)})
	}
	say("step", "%s", cmp.Or(c.Step, "unknown"))
	switch {
	case !placed:
	case c.StandIn:
		say("begins", "when the step is handed to it")
	case len(c.After) == 0:
		say("begins", "with the task")
	default:
		say("begins", "after %s", strings.Join(c.After, ", "))
	}
	if !declared {
		return all
	}
	if c.When != nil {
		say("if", "%s, else it is skipped", c.When)
	}
	switch {
	case c.Pivot && c.Final:
		say("place", "the pivot, and final")
	case c.Pivot:
		say("place", "the pivot: once it is done, nothing turns back")
	case c.Final:
		say("place", "final")
	}
	if len(c.FallbackAgents) > 0 {
		say("hands over to", "%s", strings.Join(c.FallbackAgents, ", then "))
	}
	say("timeout", "%s of each attempt, %s of the saga", ink.Span(c.Timeout), ink.Span(c.Deadline))
	say("retries", "%s", policy(c.RetryPolicy))
	switch c.CompensationHandler {
	case "":
		say("undo", "cannot")
	case config.NoCompensation:
		say("undo", "leaves nothing behind")
	default:
		say("undo", "%s; %s", c.CompensationHandler, policy(c.CompensationRetryPolicy))
	}
	say("at a time", "%d calls of each instance", c.Concurrency)
	if l := c.RateLimit; l != nil {
		say("rate limit", "%d in %s, %d at once", l.Requests, ink.Span(l.Per), l.Burst)
	}
	if b := c.CircuitBreaker; b != nil {
		say("breaker", "opens after %d failures, for %s", b.Failures, ink.Span(b.OpenFor))
	}
	return all
}

func policy(p config.RetryPolicy) string {
	if p.MaxRetries == 0 {
		return "none"
	}
	return fmt.Sprintf("%d, after %s to %s", p.MaxRetries, ink.Span(p.BaseDelay), ink.Span(p.MaxDelay))
}

func (a Agent) presence(now time.Time) string {
	switch {
	case a.Running == 1:
		return "1 instance"
	case a.Running > 1:
		return fmt.Sprintf("%d instances", a.Running)
	case a.Listens:
		return "somebody listens, and does not say who it is"
	default:
		return "no instance is running, " + a.seen(now)
	}
}

func (a Agent) processes(now time.Time, o Options) []string {
	if a.Running == 0 {
		return nil
	}
	t := ink.Table{Head: []string{"instance", "version", "up", "busy", "done", "failed", "retries", "handed on", "pending", "undone", "undo failed"}}
	for _, i := range a.Instances {
		v, row := i.Vitals, []ink.Cell{{Text: ink.Clean(i.Name), Name: a.Agent}, {Text: ink.Clean(i.Version)}, {Text: ink.Span(now.Sub(i.Started))}}
		for _, n := range []uint64{uint64(max(v.Working, 0)), v.Performed, v.Failed, v.Retried, v.Handed, v.Pending, v.Undone, v.UndoFails} {
			row = append(row, count(n, ink.Plain))
		}
		t.Row(row...)
	}
	return t.Lines(o.Ink, o.Columns)
}

func (a Agent) queues(now time.Time, o Options) []string {
	t := ink.Table{Head: []string{"consumer", "for", "waiting", "held", "oldest", "last given", ""}}
	for _, b := range a.Backlogs {
		ago := func(at time.Time) ink.Cell {
			if at.IsZero() {
				return ink.Cell{Text: "·", Tone: ink.Quiet}
			}
			return ink.Cell{Text: ink.Span(now.Sub(at)) + " ago"}
		}
		remark := ink.Cell{Text: "listens", Tone: ink.Good}
		if !b.Listens {
			remark = ink.Cell{Text: "nobody asks", Tone: ink.Quiet}
		}
		t.Row(ink.Cell{Text: b.Consumer}, ink.Cell{Text: string(b.Purpose)}, count(b.Waiting, ink.Warn), count(uint64(b.Held), ink.Plain), ago(b.Oldest), ago(b.Last), remark)
	}
	return t.Lines(o.Ink, o.Columns)
}

func schema(name string, s *config.Schema, o Options) []string {
	text := "not declared"
	if doc := s.JSON(); doc != nil {
		var pretty bytes.Buffer
		if json.Indent(&pretty, doc, "  ", "  ") == nil {
			text = pretty.String()
		}
	} else if s != nil {
		text = "left out: it is too large, or refers to other files"
	}
	return []string{"", o.Ink.Paint(ink.Strong, name), "  " + text}
}

func indent(lines []string) []string {
	for i, l := range lines {
		lines[i] = "  " + l
	}
	return lines
}
