// Package operator is an agent whose work is done by a person: it asks, and the
// answer comes from the inbox.
//
// It stands last in a chain, or is a step of its own, an approval:
//
//	agent: operator
//	saga: trip
//	step: plan
//	stand_in: true                  # or after: [plan], for a step of its own
//	compensation_handler: none      # or ask
//	command: [unwind, operator, --config, agent.yaml]
//	settings:
//	  question: Which way to {{.task.to}}, with seat {{.results.seat}}?
//	  waits_for: a route            # in a few words; default: a person's answer
//	  within: 4h                    # then the chain goes on; default: until the saga's deadline
//	  undo: Tell the driver that nobody comes.
//
// The question is a text/template over task, results (by step), type, id, step
// and attempt. What it names and the saga does not have is told in the question
// itself: a person can still decide, and sees the task in the inbox.
//
// Nothing runs and no message is held while a person thinks.
//
// # Undoing
//
// With none, there is nothing of a person's to be undone. With ask, a person has
// to undo what a person said was done: the agent can't, says so at once, and the
// step stands in the inbox as stuck. Where no person had said that it was done,
// there was nothing to undo.
package operator
