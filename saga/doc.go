// Package saga is the judgement of Unwind: what a history means, who may run,
// what follows a failure, and what is owed on the way back. It takes values
// and returns values. It reads no clock, draws no random number and talks to
// no broker, so every rule in it can be told as a story and tried in a table.
// Package agent, below it, is the shell that does what it says; an agent in
// another language needs what stands here and the wire format of package
// events, and nothing else.
//
// # A saga without a conductor
//
// A saga is one run of a workflow. Its steps are roles, performed by agents;
// each agent is a process of its own that knows its place and nothing more:
// the steps it follows, and whether it is the last. There is no plan anywhere.
// Each claim of a step records what it followed, so the graph of a run is in
// its history, and the way back is read from there.
//
// All that agents share is a log in which every slot can be written once, and
// in which a write may be guarded by another slot. Those two refusals are the
// only referee.
//
// # Forward
//
// A message asks: the task, the completion of a step that is followed, a
// hand-over, a timer. The agent then, in this order,
//
//  1. claims the attempt: started, or attempt-<n> for every later one, naming
//     the message that asked. The claim is guarded by the latch.
//  2. performs the step, under a key that is the same for all its attempts. A
//     result that is too large for an event is stored now, before any event
//     refers to it. Where the step's condition does not hold, it says skipped
//     instead, guarded by the latch; what an attempt before may have left, under
//     another configuration, is undone before that.
//  3. says what came of it: completed, guarded by the latch; or failed-<n>,
//     guarded by the claim of attempt n+1, which says all of it: the class of
//     the error, what was left behind, and what follows (another try, another
//     agent, the way back, or a person); or pending-<n>, guarded likewise: the
//     outcome comes later, from outside.
//  4. settles: whatever the history now implies is written (the end after the
//     final step, the timer of the next try, the hand-over, the latch).
//  5. acknowledges the message. Never before: a message that any instance
//     acknowledges is gone for all of them.
//
// [State.Forward] answers whether there is something to do at all. A claim
// that exists already is taken over only by the message that made it: that
// message comes again only when whoever held it lost it. What the lost attempt
// did is unknown, so the next one works under the same key. Any other message
// finds the step in good hands and is acknowledged.
//
// A skipped step is done: whoever follows it goes on, and a join too. It has no
// result. skipped and completed are two slots, so of the two the lower sequence
// wins, as everywhere, and whoever made an effect that does not count undoes it.
//
// [Role.Decide] says what follows a failure. Who was asked to come back later
// (a 429, a circuit breaker that is open) does so as often as it takes, while
// nobody else could take the step over and the history is short ([Patience]):
// the failure says that it was throttled, and whoever decides next does not
// count it. An attempt whose outcome is
// unknown is undone before another agent does the work again: otherwise two
// providers charge.
//
// # From outside
//
// What an attempt waits for comes as answered-<k>: a person, a callback, or a
// program that has worked for hours says how it ended. It is a message to the
// agent that waits, which makes the outcome of it, so that whoever answers needs
// to know nothing of chains, schemas and guards. An attempt that waits may be
// given up after a time; then that is said in the same slot, by the agent itself.
// The slot is written once: either the answer is heard or the end of patience.
// No message and no process is held meanwhile.
//
// A person is an agent like any other, mostly the last in a chain. It may hand
// the step back to an agent that gave it up. That begins another round of that
// agent, with tries of its own and a key of its own: what it did in the round
// before was undone when it handed the step on, and a key once undone stays
// dead. What it can't do again comes back to the person.
//
// An answer that says that something was done, and comes when that is not wanted
// any more (the saga turned, another agent has the step), is heard as well: the
// agent undoes what was done, as far as it can.
//
// # The latch, and the pivot
//
// saga.unwinding turns a saga, once and for good: a step that failed for good,
// a deadline, a person, a task that was not acceptable. Every forward event is
// guarded by it, the saga's completion too. A latch above the completion is
// void: nothing follows there that it could stop. So a saga ends forward or turns
// back, never both, whoever races with whom.
//
// A step may be the pivot, after which there is no way back: it writes
// saga.committed before its completion. That and the latch guard each other. What
// follows the pivot cannot turn the saga: it is tried again almost without end
// ([Endless]), handed on as far as there is a chain, and then a person must bring
// it to its end ([State.Stranded]). What can be refused comes before the pivot.
//
// An effect whose completion the latch refused stands nowhere in the history,
// and nobody will ask for it to be undone. So whoever made it undoes it and
// says so: that is the rule that makes the guards safe.
//
// # Back
//
// [State.Advance] reads from the history what is owed: a step is undone when
// nobody works on it and every step that followed it is resolved, by an order
// to each agent that has something to undo: the one that completed it, and
// each whose attempt is unknown or pending. When every claimed step is
// resolved, the saga is compensated. Whoever appends an event on the way back
// reads the history after that append, and advances: of two branches that
// finish undoing at the same moment the later one sees both.
//
// A compensation that fails is tried again by its own policy, and then waits
// for a person: the saga is stuck there, while the other branches go on.
//
// # Refusals
//
// A refusal is a reason to read, never a conclusion. The guard is checked
// before the slot, so "the guard is set" does not say that one's own event is
// absent; an event that was acknowledged to nobody may still be there. Every
// path through package agent that meets a refusal reads the history, at least
// up to what refused it, and decides again from there.
//
// # Invariants
//
//   - I1: a saga has at most one of saga.completed and a saga.unwinding that
//     counts: of the two, the one with the lower sequence.
//   - I2: saga.compensated means that no step's effect is left and that no
//     handler runs.
//   - I3: a step is compensated only when no step that followed it is running
//     or has an effect left.
//   - I4: whatever crashes, if every agent that took part is sometimes alive,
//     the saga ends.
//   - I5: no forward event counts after the latch, or after saga.completed.
//   - I6: an event acknowledged to its writer is not lost while the stream
//     keeps its promise.
//   - I7: every failure has a name in the history: which agent, which attempt,
//     which class of error, what was decided.
//   - I8: a saga that is committed does not turn.
//
// I2 and I3 hold at every moment while instances keep their leases. An
// instance that lost its lease (paused, cut off) may still act; then they hold
// again when it has come to rest, provided that the resource it acts on
// refuses a key that was compensated. The log can fence its own writes, but
// not the world.
//
// # What is not here
//
// Attempts are not counted by the broker and waits are not kept by it: both
// are read from the history, so whoever comes next decides as the one before
// would have. And nothing here is optional behaviour: if two agents could
// disagree about a rule, there would be no saga.
package saga
