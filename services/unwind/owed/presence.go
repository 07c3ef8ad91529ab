package owed

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A Presence is who is there, of one saga type. The zero value says nothing.
type Presence struct {
	Asked     bool // the broker was asked and has answered; without it, nobody's absence is told
	Instances []events.Instance
	Backlogs  []events.Backlog
}

// Look asks a directory. Agents have until soon is done to say that they are
// there, the broker until ctx is: what it does not answer before that is not known.
func Look(ctx, soon context.Context, d events.Directory, typ string) Presence {
	var p Presence
	var both sync.WaitGroup
	var instances, backlogs error
	both.Go(func() { p.Instances, instances = d.Instances(soon, typ) })
	both.Go(func() { p.Backlogs, backlogs = d.Backlogs(ctx, typ) })
	both.Wait()
	p.Asked = instances == nil && backlogs == nil
	return p
}

// A seat is what is known of one agent.
type seat struct {
	instances []string // that announce themselves
	listens   bool     // somebody asks for its messages
	known     bool     // there is a consumer of its, or an instance
	seen      time.Time
	waiting   uint64 // at one door
	held      int    // of all its doors
}

// of finds what is known of an agent, and what waits at one of its doors.
func (p Presence) of(agent string, door events.Purpose) seat {
	var s seat
	for _, i := range p.Instances {
		if i.Agent == agent {
			s.instances, s.known = append(s.instances, i.Name), true
		}
	}
	for _, b := range p.Backlogs {
		if b.Agent != agent {
			continue
		}
		s.known = true
		s.listens = s.listens || b.Listens
		s.held += b.Held
		s.seen = later(s.seen, b.Last)
		if b.Purpose == door {
			s.waiting += b.Waiting
		}
	}
	slices.Sort(s.instances)
	return s
}

// anybody reports whether any agent of the type is there, who turns a saga whose
// time is up and keeps one unwinding.
func (p Presence) anybody() bool {
	return len(p.Instances) > 0 || slices.ContainsFunc(p.Backlogs, func(b events.Backlog) bool {
		return b.Listens && (b.Purpose == events.ForClock || b.Purpose == events.ForLatch)
	})
}

// declared is what matters here of what an instance says of itself.
type declared struct {
	Final bool   `json:"final"`
	Lease string `json:"lease"`
}

func (p Presence) declared(agent string) (d declared) {
	for _, i := range p.Instances {
		if i.Agent == agent && json.Unmarshal(i.Declared, &d) == nil {
			return d
		}
	}
	return d
}

// final reports whether an agent says that the saga is done when its step is.
func (p Presence) final(agent string) bool { return p.declared(agent).Final }

// lease is how long a dead instance's work waits for another, as its agent says;
// 0 when nobody does.
func (p Presence) lease(agent string) time.Duration {
	d, err := time.ParseDuration(p.declared(agent).Lease)
	if err != nil {
		return 0
	}
	return d
}

// A place is where an agent stands in the choreography, read from what it
// hears.
type place struct {
	agent, step string
	after       []string // empty: the task
	standIn     bool
}

// places reads them from the forward consumers: they are there for an agent in any
// language, and for one that is not running.
func (p Presence) places() []place {
	var places []place
	for _, b := range p.Backlogs {
		if b.Purpose != events.ForForward || b.Agent == "" {
			continue
		}
		pl, entry := place{agent: b.Agent}, false
		for _, filter := range b.Filters {
			token := strings.Split(filter, ".")
			if len(token) != 5 {
				continue
			}
			switch step, event := token[2], token[3]; event {
			case "submitted":
				entry = true
			case "completed", "skipped":
				if !slices.Contains(pl.after, step) {
					pl.after = append(pl.after, step)
				}
			case "fallback-" + b.Agent:
				pl.step = step
			}
		}
		if pl.step == "" {
			continue // it hears no hand-over, so its step is not known by name
		}
		pl.standIn = !entry && len(pl.after) == 0
		slices.Sort(pl.after)
		places = append(places, pl)
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.step, b.step) })
	return places
}
