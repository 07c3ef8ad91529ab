package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// An Instance is one process of an agent, as it says of itself.
type Instance struct {
	Type    string    `json:"type"` // of the saga
	Step    string    `json:"step"`
	Agent   string    `json:"agent"`
	Name    string    `json:"instance"` // unique to the process
	Version string    `json:"version"`
	Started time.Time `json:"started"`

	// Declared is the agent's configuration without what is nobody's business,
	// as package config writes and reads it: its place in the choreography, its
	// retries, its chain, its schemas.
	Declared json.RawMessage `json:"declared,omitempty"`
	Vitals   Vitals          `json:"vitals"`
}

// Vitals are what an instance counted since it started.
type Vitals struct {
	Working   int    `json:"working"`   // calls under way now
	Performed uint64 `json:"performed"` // attempts that completed
	Failed    uint64 `json:"failed"`    // attempts that failed
	Retried   uint64 `json:"retried"`   // attempts that followed one
	Handed    uint64 `json:"handed"`    // steps handed to the next agent in the chain
	Pending   uint64 `json:"pending"`   // attempts whose outcome was left to come from outside
	Undone    uint64 `json:"undone"`    // compensations that worked
	UndoFails uint64 `json:"undo_fails"`
}

// A Backlog is what waits for all instances of an agent at one of its consumers. It is
// the broker's word, so it is there for an agent in any language, and for one that
// is not running.
type Backlog struct {
	Consumer string    `json:"consumer"`
	Agent    string    `json:"agent,omitempty"` // empty for what all agents of the type share
	Purpose  Purpose   `json:"purpose"`
	Waiting  uint64    `json:"waiting"`         // messages that nobody was given yet
	Held     int       `json:"held"`            // messages given to somebody and not acknowledged
	Listens  bool      `json:"listens"`         // somebody asks for messages right now
	Oldest   time.Time `json:"oldest,omitzero"` // when the first of those that wait was written
	Last     time.Time `json:"last,omitzero"`   // when it was last given a message

	// Filters are the subjects that it hears. They tell an agent's place in the
	// choreography, also of one that never said it.
	Filters []string `json:"filters,omitempty"`
}

// A Purpose says what a consumer listens for.
type Purpose string

// What consumers listen for.
const (
	ForForward    Purpose = "forward"
	ForCompensate Purpose = "compensate"
	ForTimers     Purpose = "timers"
	ForLatch      Purpose = "unwinding" // shared by all agents of a type
	ForClock      Purpose = "clock"     // likewise: the saga's own timers
)

// ConsumerName is how the consumer of a purpose is called in its stream: that
// of the timers for [ForTimers] and [ForClock], else that of the type. All
// instances of an agent, in any language, share it. The agent counts only where the
// purpose is its own.
func ConsumerName(p Purpose, typ, agent string) string {
	switch p {
	case ForTimers:
		return typ + "_" + agent
	case ForLatch:
		return "_unwinding"
	case ForClock:
		return typ + "_"
	default:
		return agent + "_" + string(p)
	}
}

// PurposeOf reads the name of a consumer of a type's stream, or of the timers'.
// What is not one that [ConsumerName] gives is nobody's.
func PurposeOf(typ, name string, timers bool) (p Purpose, agent string, ok bool) {
	if timers {
		of, agent, _ := strings.Cut(name, "_")
		switch {
		case of != typ:
			return "", "", false
		case name == ConsumerName(ForClock, typ, ""):
			return ForClock, "", true
		default:
			return ForTimers, agent, ValidAgent(agent) == nil
		}
	}
	if name == ConsumerName(ForLatch, typ, "") {
		return ForLatch, "", true
	}
	agent, purpose, _ := strings.Cut(name, "_")
	p = Purpose(purpose)
	return p, agent, (p == ForForward || p == ForCompensate) && ValidAgent(agent) == nil
}

// Validate says what is wrong with how an instance names itself.
func (i Instance) Validate() error {
	if err := ValidName("saga type", i.Type); err != nil {
		return err
	}
	if err := ValidStep(i.Step); err != nil {
		return err
	}
	if err := ValidAgent(i.Agent); err != nil {
		return err
	}
	if i.Name == "" {
		return errors.New("instance: the name is empty")
	}
	return nil
}

// A Directory knows who is there. What it says is for people; no agent decides by it.
type Directory interface {
	// Announce makes an instance known until ctx is done, and then returns nil.
	// The vitals are asked for whenever somebody looks, by any goroutine. An
	// error says that nobody sees the instance; its work goes on without.
	Announce(ctx context.Context, i Instance, vitals func() Vitals) error
	// Instances asks who is there, of one saga type or, with an empty one, of
	// all. Whoever does not answer soon is not there; a ctx with a deadline says
	// how soon, and who has answered by then is told.
	Instances(ctx context.Context, typ string) ([]Instance, error)
	// Backlogs tells what waits for the agents of a type, agent by agent. A type
	// that was not ensured is [ErrNoType].
	Backlogs(ctx context.Context, typ string) ([]Backlog, error)
}

// SortInstances brings instances in the order in which people look for them.
func SortInstances(all []Instance) {
	slices.SortFunc(all, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Name, b.Name))
	})
}

// SortBacklogs does so with backlogs: agent by agent, what all share last.
func SortBacklogs(all []Backlog) {
	order := []Purpose{ForForward, ForCompensate, ForTimers, ForLatch, ForClock}
	slices.SortFunc(all, func(a, b Backlog) int {
		if own := a.Agent != ""; own != (b.Agent != "") {
			return map[bool]int{true: -1, false: 1}[own]
		}
		return cmp.Or(cmp.Compare(a.Agent, b.Agent),
			cmp.Compare(slices.Index(order, a.Purpose), slices.Index(order, b.Purpose)))
	})
}
