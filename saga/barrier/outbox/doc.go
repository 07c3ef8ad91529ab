// Package outbox begins sagas for a program whose truth is in its own SQL
// database. An order that is stored and a saga that is submitted are two writes
// in two places, and a process may die between them: then there is an order
// without a saga, or a saga without an order. So the task is put into a table, in
// the same transaction as the order, and a relay brings it to the broker:
//
//	box := outbox.Postgres(pool, outbox.Config{})
//	if err := box.Migrate(ctx); err != nil { ... }
//
//	tx, err := pool.Begin(ctx)
//	...                                                    // store the order
//	err = box.Put(ctx, tx, "order", "order-1", payload)    // and its saga with it
//	err = tx.Commit(ctx)
//
// and beside it, in this process or another, once or several times:
//
//	err := box.Relay(ctx, log, outbox.Relay{})
//
// # Invariants
//
//   - O1: a task is submitted if, and only if, the transaction that put it was
//     committed.
//   - O2: a task begins one saga. The relay may submit a task again, after a
//     crash or an answer that was lost, but the log takes an id once.
//   - O3: no row leaves the table, and none is marked as delivered, before its
//     task is in the log.
//   - O4: a row that can't be delivered keeps none of the others waiting.
//
// # What the relay does with a row
//
// It takes waiting rows in the order in which they were put, submits each with
// [client.Submit], and deletes it, or marks it ([Relay.Keep]). Then, by what the
// log answered:
//
//   - a saga of this id is there, with this task: delivered already.
//   - a saga of this id is there, with another task: put aside. Whoever chose the
//     id chose it twice, and the second task will never run.
//   - the row's type or id is outside of the grammar, its payload is not JSON or
//     too large: put aside. Put refuses such a task; rows that others write with
//     plain SQL may have it.
//   - no such saga type: tried again, less and less often, because a type is there
//     once one of its agents has run. After [Relay.Tries] it is put aside.
//   - anything else, and no answer: tried again for as long as it takes, the row
//     after the others, and all of them less often while nothing is delivered.
//
// What is put aside stays in the table, with its error, until somebody looks at
// it: [Box.Aside] lists it, [Box.Again] lets it be tried once more.
//
// # How it hears
//
// In PostgreSQL a commit with a Put in it rings a bell (NOTIFY), and a relay
// that waits hears it within a millisecond or two. A bell may be missed, while a
// connection breaks or behind a pooler that shares connections, so there is a
// poll as well; in SQLite there is only the poll. PostgreSQL lets commits that
// ring go through one after the other, which thousands of them in a second will
// feel: [Config.Silent] leaves the bell out.
//
// # Order
//
// Rows are taken in order, but a row that waits for its next try lets others
// pass, several relays overtake each other, and a transaction that takes longer
// is seen later. Sagas do not depend on each other's order. Nothing is missed by
// that: there is no mark of how far a relay has come, each row has its own.
//
// # What this is not
//
// No queue for anything but tasks, and no change data capture. Nothing here
// needs two-phase commit, an extension or a trigger.
package outbox
