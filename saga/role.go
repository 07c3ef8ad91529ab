package saga

import (
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

// A Role is what an agent knows of a saga: its own place in it, and nothing
// else. There is no plan anywhere.
type Role struct {
	Type    string
	Agent   string
	Step    string
	After   []string // the steps that it follows; empty: the task
	StandIn bool     // it performs the step only when it is handed over
	Final   bool
	Pivot   bool // once the step is done, the saga cannot turn any more

	// NeverRefuses: no task is refused here. A refusal is the agent's own fault.
	NeverRefuses bool

	Retry        config.RetryPolicy
	UndoRetry    config.RetryPolicy
	Fallbacks    []string // who takes over when this agent gives up
	MaxTakeovers int
}

// A Message is what asked an agent to do something: an event or a timer.
type Message struct {
	events.Trigger
	Subject events.Subject // zero for a timer
	Timer   events.Timer   // zero for an event
}

// Key is the idempotency key of an agent's work on a step: the same for every
// attempt, so that whoever keeps it does the work once.
func Key(typ, id, step, agent string) string {
	return typ + "/" + id + "/" + step + "/" + agent
}

// UndoKey is the idempotency key of undoing it.
func UndoKey(typ, id, step, agent string) string { return Key(typ, id, step, agent) + "/undo" }
