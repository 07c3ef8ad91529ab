package sagatest

import (
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
)

// A Cut is what goes wrong at an append, the first time that it is made, or at
// the setting of a timer, at a read, or where a large result is stored.
type Cut struct {
	How   string        // crash-before, crash-after, pause, lose
	Room  string        // a step, task, saga, timer, read or store
	Event string        // deadline, attempt-2, ... of a timer; AGENT-N of an agent's nth read or store
	For   time.Duration // until the process is back
}

func readCut(words []string) (c Cut, err error) {
	c = Cut{How: words[0], Room: words[1], Event: words[2], For: 2 * time.Second}
	switch c.How {
	case "crash-before", "crash-after", "pause", "lose":
	default:
		return c, fmt.Errorf("no such cut: %q", c.How)
	}
	if len(words) > 3 {
		c.For, err = time.ParseDuration(words[3])
	}
	return c, err
}

func (c Cut) String() string {
	return fmt.Sprintf("cut %s %s %s %s", c.How, c.Room, c.Event, c.For)
}

// A fault is a cut that has not happened yet.
type fault struct {
	Cut
	spent bool
}

func (s *Story) breaks() []*fault {
	var list []*fault
	for _, c := range s.Cuts {
		list = append(list, &fault{Cut: c})
	}
	return list
}

// spend finds the cut that is to happen at a place, once.
func (s *Stage) spend(how, room, event string) (Cut, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !f.spent && f.How == how && f.Room == room && f.Event == event {
			f.spent = true
			return f.Cut, true
		}
	}
	return Cut{}, false
}

// strike makes happen what is cut before a call.
func (p *player) strike(room, event string) (died bool) {
	if c, ok := p.stage.spend("pause", room, event); ok {
		p.freeze()
		time.AfterFunc(c.For, p.thaw)
	}
	c, died := p.stage.spend("crash-before", room, event)
	if died {
		p.die(c.For)
	}
	return died
}

// die kills the process, which is back after a while.
func (p *player) die(back time.Duration) {
	process := p.current()
	process.Kill()
	p.later(process, back)
}

// faults are what goes wrong at the player's appends.
func (p *player) faults() eventtest.Faults {
	crash := func(e events.Event, written bool) bool {
		crash := p.stage.Crash != nil && p.stage.Crash(e, written)
		if crash {
			p.die(2 * time.Second)
		}
		return crash
	}
	return eventtest.Faults{
		BeforeAppend: func(e events.Event) error {
			if p.strike(room(e.Subject), e.Subject.Event()) || crash(e, false) {
				return eventtest.ErrDead
			}
			return nil
		},
		AfterAppend: func(e events.Event) error {
			c, died := p.stage.spend("crash-after", room(e.Subject), e.Subject.Event())
			if died {
				p.die(c.For)
			}
			if died || crash(e, true) {
				return eventtest.ErrDead
			}
			return nil
		},
		LoseAnswer: func(e events.Event) bool {
			_, lost := p.stage.spend("lose", room(e.Subject), e.Subject.Event())
			return lost
		},
	}
}
