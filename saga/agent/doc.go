// Package agent runs one agent of a saga: it listens, performs its step, says
// what came of it, and undoes it when the saga turns. An author writes a
// function that does the work, a function that undoes it, and a YAML file:
//
//	func main() {
//		cfg, err := config.Load("agent.yaml")
//		...
//		log, err := broker.Connect(ctx, broker.Config{})
//		...
//		err = agent.Run(ctx, log, cfg, agent.Handler{
//			Perform:       match,
//			Compensations: agent.Compensations{"forget-template": forget},
//		})
//	}
//
// # What the two functions may rely on
//
//   - [Task.Key] is the same for every attempt of this agent at this step of
//     this saga, in every process. Perform may be called again after a crash, a
//     timeout or a lost lease: whoever keeps the key does the work once.
//   - Every call has a timeout, and its context ends with it. A call that goes
//     on all the same is left behind, and its outcome counts as unknown.
//   - Compensate is called for whatever the history records and for whatever
//     may have happened without being recorded. It must bear to find nothing,
//     and to be called twice.
//   - [Task.Result] reads the result of any step before this one, whatever its
//     size: one that was too large to come along is loaded when it is asked for.
//
// # What they say
//
// A result, or an error whose class decides what follows: [Refuse] turns the
// saga, [Unavailable] hands the step to the next agent in the chain, [Unknown]
// and every plain error are tried again, [RetryAfter] at least so much later. A
// panic is an error too. See [Class] for how errors are read that say nothing
// of themselves.
//
// Or that the outcome comes later, from outside: [Result.Pending]. Then nothing
// waits, until somebody answers (package client) and this package makes the
// outcome of what was said, as if the function had returned it.
//
// # What stands around a call
//
// So many calls at a time, so many in a second, none at all while they fail
// anyway: rate_limit, circuit_breaker and the rest stand in the YAML file (see
// package config), and are of this instance alone. A provider that asks for a
// pause gets it: say so with [RetryAfter], or let [FromResponse] read its
// answer, and the instance slows down. What a provider answered, when it was no
// good, goes into [Failure.Raw] for who has to find out why.
//
// # Who watches
//
// [Options.Observers] are told of each message, call, event and timer, while it
// happens, for telemetry (saga/telemetry is one) and for whoever counts. They decide
// nothing and hold up nothing. Events and timers carry the trace context of their
// cause, or the one that an observer gives them, so that a saga is one trace.
//
// # Drills
//
// UNWIND_FAULTS names a file of faults that the calls of the two functions then
// meet on purpose (see package inject), and UNWIND_LAYERS how much of the recovery
// is at work. Both are for drills, off unless asked for, and told when the agent
// begins.
//
// # How it is built
//
// The rules are package saga's: a history is folded, a pure function answers,
// and this package does what it says. The goroutines of the project are here
// and in the broker, and nowhere else. Every message is worked on in the same
// order: claim, judge the condition, perform, say what came of it, settle what
// the history implies, acknowledge. Whatever crashes in between is found by
// whoever gets the message next.
//
// It is deliberately no orchestrator: an agent knows its own place in a saga,
// and the rest of it only from what others wrote.
package agent
