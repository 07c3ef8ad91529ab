package verify

import (
	"context"
	"slices"
)

// A Check is one rule and how an agent is tried on it.
type Check struct {
	Name string
	Rule string // where it is written
	Text string // in words
	asks needs
	last bool // it looks at all that the agent wrote in the other checks
	run  func(context.Context, *bench) error
}

// needs are what a check can't do without.
type needs uint16

const (
	gated    needs = 1 << iota // the verifier's own broker, and the gate before it
	process                    // a process that may be killed
	refusal                    // a task that the agent refuses
	failure                    // a task at which it fails
	effects                    // a program that looks at the world
	joins                      // an agent that follows several steps
	entry                      // one that begins with the task
	final                      // one that ends the saga
	inside                     // one that does not
	turns                      // one that is no pivot
	standIn                    // one that takes over
	schema                     // one with a result_schema
	undoable                   // one that has something to undo
	direct                     // one that says itself how its work ended
)

// missing says why an agent can't be tried, or need not be.
func (c Check) missing(b *bench) string {
	for _, n := range []struct {
		need  needs
		there bool
		why   string
	}{
		{gated, b.gate != nil, "the broker is not the verifier's own (--server)"},
		{process, b.crew != nil, "the agent was started elsewhere, and is not killed"},
		{refusal, b.subject.Case.Refuses != nil, "no task that it refuses is given (refuses, in verify.yaml)"},
		{refusal, !b.cfg.NeverRefuses, "it never refuses a task"},
		{failure, b.subject.Case.Fails != nil, "no task at which it fails is given (fails, in verify.yaml)"},
		{effects, b.world != nil, "no program that looks at the world is given (world, in verify.yaml)"},
		{joins, !b.cfg.StandIn && len(b.cfg.After) > 1, "it does not follow several steps"},
		{entry, b.cfg.Entry(), "it does not begin with the task"},
		{final, b.cfg.Final, "it is not the final step"},
		{inside, !b.cfg.Final, "it is the final step"},
		{turns, !b.cfg.Pivot, "it is the pivot"},
		{standIn, b.cfg.StandIn, "it is no stand-in"},
		{schema, b.cfg.ResultSchema != nil, "it has no result_schema"},
		{undoable, b.cfg.CompensationHandler != "none" && b.cfg.CompensationHandler != "", "it has nothing to undo"},
		{direct, b.subject.Case.Completes.answer == nil, "its outcome comes from outside"},
	} {
		if c.asks&n.need != 0 && !n.there {
			return n.why
		}
	}
	return ""
}

// Checks lists all checks, in the order in which they are run.
func Checks() []Check {
	return slices.Concat(forward, failures, back, crash, strangers, wire)
}
