package roster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

// An Agent is what is known of one agent. Its counts are those of all instances
// that run now, since each of them started.
type Agent struct {
	Type      string        `json:"type"`
	Step      string        `json:"step,omitempty"`
	Agent     string        `json:"agent"`
	Running   int           `json:"instances"`
	Versions  []string      `json:"versions"`
	Listens   bool          `json:"listens"` // somebody asks for its work right now, announced or not
	Waiting   uint64        `json:"waiting"` // messages that nobody was given yet
	Held      int           `json:"held"`    // messages that somebody was given and has not settled
	Oldest    time.Time     `json:"oldest_waiting,omitzero"`
	LastGiven time.Time     `json:"last_given,omitzero"` // when it was last given a message
	Vitals    events.Vitals `json:"vitals"`

	// Config is what the newest instance declares; nil where none does. Odd says
	// why it could not be read.
	Config *config.Config `json:"-"`
	Odd    error          `json:"-"`

	Instances []events.Instance `json:"-"`
	Backlogs  []events.Backlog  `json:"-"` // of its own consumers
}

// There reports whether somebody does its work.
func (a Agent) There() bool { return a.Running > 0 || a.Listens }

// Call asks who is there, of one saga type or, with an empty one, of all. The
// agents come type by type, by name.
func Call(ctx context.Context, log events.Log, typ string) ([]Agent, error) {
	types := []string{typ}
	if typ == "" {
		var err error
		if types, err = log.Types(ctx); err != nil {
			return nil, err
		}
	}
	instances, err := log.Instances(ctx, typ)
	if err != nil {
		return nil, err
	}
	var all []Agent
	for _, typ := range types {
		backlogs, err := log.Backlogs(ctx, typ)
		if err != nil && (len(types) == 1 || !errors.Is(err, events.ErrNoType)) { // else it went meanwhile
			return nil, err
		}
		all = append(all, Of(typ, instances, backlogs)...)
	}
	return all, nil
}

// Of puts together what instances and broker say of the agents of a type.
func Of(typ string, instances []events.Instance, backlogs []events.Backlog) []Agent {
	by := map[string]*Agent{}
	of := func(name string) *Agent {
		if by[name] == nil {
			by[name] = &Agent{Type: typ, Agent: name, Versions: []string{}}
		}
		return by[name]
	}
	for _, b := range backlogs {
		if b.Agent == "" {
			continue
		}
		a := of(b.Agent)
		a.Backlogs = append(a.Backlogs, b)
		a.Waiting += b.Waiting
		a.Held += b.Held
		a.Listens = a.Listens || b.Listens
		if a.LastGiven.Before(b.Last) {
			a.LastGiven = b.Last
		}
		if !b.Oldest.IsZero() && (a.Oldest.IsZero() || b.Oldest.Before(a.Oldest)) {
			a.Oldest = b.Oldest
		}
	}
	for _, i := range instances {
		if i.Type != typ {
			continue
		}
		a := of(i.Agent)
		a.Instances = append(a.Instances, i)
		a.Running++
		a.add(i.Vitals)
		if !slices.Contains(a.Versions, i.Version) {
			a.Versions = append(a.Versions, i.Version)
		}
	}
	var all []Agent
	for _, a := range by {
		a.place()
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b Agent) int { return cmp.Compare(a.Agent, b.Agent) })
	return all
}

func (a *Agent) add(v events.Vitals) {
	a.Vitals.Working += v.Working
	a.Vitals.Performed += v.Performed
	a.Vitals.Failed += v.Failed
	a.Vitals.Retried += v.Retried
	a.Vitals.Handed += v.Handed
	a.Vitals.Pending += v.Pending
	a.Vitals.Undone += v.Undone
	a.Vitals.UndoFails += v.UndoFails
}

// place reads where an agent stands: from its newest instance, else from what its
// consumers hear.
func (a *Agent) place() {
	slices.Sort(a.Versions)
	newest := slices.Clone(a.Instances)
	slices.SortStableFunc(newest, func(a, b events.Instance) int { return b.Started.Compare(a.Started) })
	for _, i := range newest {
		a.Step = cmp.Or(a.Step, i.Step)
		if len(i.Declared) == 0 {
			continue
		}
		c, err := config.FromDeclared(i.Declared)
		if err == nil && (c.Saga != a.Type || c.Agent != a.Agent) {
			err = errors.New("it declares itself to be another agent")
		}
		if a.Odd = err; err == nil {
			a.Config = &c
			return
		}
	}
	a.Step = cmp.Or(a.Step, a.Heard().Step)
}

// Heard is the place that an agent's consumers show: its step, what it follows, and
// whether it only stands in.
func (a Agent) Heard() (c config.Config) {
	c.Saga, c.Agent = a.Type, a.Agent
	entry, known := false, false
	for _, b := range a.Backlogs {
		for _, filter := range b.Filters {
			s, ok := heard(filter)
			known = known || ok && b.Purpose == events.ForForward
			switch {
			case !ok || b.Purpose == events.ForTimers:
			case s.Kind == events.Submitted:
				entry = true
			case s.Agent == a.Agent && s.Step != "":
				c.Step = s.Step
			case b.Purpose == events.ForForward && s.Kind == events.Completed && !slices.Contains(c.After, s.Step):
				c.After = append(c.After, s.Step)
			}
		}
	}
	slices.Sort(c.After)
	c.StandIn = known && !entry && len(c.After) == 0
	return c
}

// heard reads a filter as a subject: with some saga in the place of any.
func heard(filter string) (events.Subject, bool) {
	if len(filter) == 0 || filter[len(filter)-1] != '*' {
		return events.Subject{}, false
	}
	s, err := events.Parse(filter[:len(filter)-1] + "any")
	return s, err == nil
}
