// Package client is for those who are no agents: the upstream that wants a
// saga, and the person who looks after one.
//
//	seq, err := client.Submit(ctx, log, "kyc", "order-1", payload, "shop")
//	state, err := client.Wait(ctx, log, "kyc", "order-1")
//	if state.Status() != saga.Completed { ... }
//
// # What there is to do
//
//   - [Submit] writes the task with which a saga begins. A bare
//     nats pub saga.kyc.task.submitted.order-1 '{...}' is one as well; what
//     Submit adds is that mistakes are told at once, and not by an agent in the
//     saga's history.
//   - [Wait] and [Watch] follow a saga, by a subscription, until it ended or
//     nothing goes on without a person.
//   - [Result] reads what a step answered, however large it is.
//   - [Cancel] turns a saga. What was done is undone by the agents that did it.
//   - [Redo] and [Resolve] are for a saga that is stuck because an agent could
//     not undo its work: ask it to try again, or say that it was undone by
//     hand.
//   - [Inbox] lists what waits for a person; [Items] what does in one saga.
//   - [Answer] says how a step ended whose outcome comes from outside, a
//     person's or a callback's. [AnswerLate] says that something was done that
//     nobody waits for any more, so that it is undone.
//
// # What it relies on
//
// Everything here is an event that is written once, so that two people who do
// the same at the same moment do it once: the second hears of it as an error
// that says who was first. No error but the context's own leaves open whether
// something was written. What no guard protects is looked at again after it was
// written: an answer that the saga's turn overtook, a latch above the end.
//
// # What it is not
//
// Nobody is in charge of a saga, the one who submitted it neither. The client
// holds no state and needs no process of its own: agents carry a saga on
// whether anybody waits for it or not. Only after Resolve is there something to
// do for the person's client, because no agent hears of it: it asks those whose
// turn it is then.
package client
