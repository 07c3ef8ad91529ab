// Package barrier gives a handler exactly-once effects inside its own SQL
// transaction. A saga may deliver anything twice, late, or in the wrong order: a
// handler is called again after a crash, a compensation may come before its
// forward, and a replica that was paused may act on a saga that has long been
// undone. The log can refuse what such a replica says, but not what it does.
// Only the resource can, and this is how one does that has a PostgreSQL or an
// SQLite database:
//
//	gate := barrier.Postgres(pool, barrier.Config{})
//	if err := gate.Migrate(ctx); err != nil { ... }
//
//	agent.Run(ctx, log, cfg, agent.Handler{
//		Perform: gate.Perform(func(ctx context.Context, tx pgx.Tx, t agent.Task) (agent.Result, error) {
//			var id int
//			err := tx.QueryRow(ctx, `INSERT INTO booking ... RETURNING id`).Scan(&id)
//			return agent.Result{Undo: id}, err
//		}),
//		Compensations: agent.Compensations{
//			"cancel": gate.Compensate(func(ctx context.Context, tx pgx.Tx, u agent.Undo) error {
//				_, err := tx.Exec(ctx, `DELETE FROM booking WHERE id = $1`, ...)
//				return err
//			}),
//		},
//	})
//
// # Invariants
//
// For each key ([agent.Task.Key], which all attempts of an agent at a step of a
// saga share, and which its compensation has as [agent.Undo.Of]):
//
//   - B1: the effect is committed at most once. A duplicate gets the first
//     result, and the first undo token.
//   - B2: the undoing is committed at most once, and after its effect. A
//     duplicate is answered as the first one was.
//   - B3: a key once compensated stays dead, even where there was nothing to
//     undo. The effect that comes after is refused with [agent.ErrDead], and
//     has left nothing.
//   - B4: an effect and the note of it are one. Whatever is killed or cut off in
//     the middle leaves both or neither.
//   - B5: an error that leaves open whether something was committed says so
//     ([agent.Unknown]); every other one left nothing.
//
// # How it holds
//
// A table has a row for each key. The first statement of the transaction in
// which an effect is made writes that row, and whoever writes the same row at
// the same moment waits for the end of that transaction: a forward for a
// forward, a forward for a compensation, at every level of isolation. If it was
// rolled back they go on as if it had not been; if it was committed they read
// what it left, by a second statement, because the first one's view is from
// before it waited. Where the level forbids reading that (repeatable read and
// above), the database makes them lose, and the gate tries the transaction
// again.
//
// What follows from what is read is decided by one table of a call and a state,
// which knows no database.
//
// # Three ways to use it
//
// [Gate.Perform] and [Gate.Compensate] make the functions of an
// [agent.Handler]; [Gate.Do] and [Gate.Undo] are the same for whoever has a key
// of another origin. Both have their own transaction. [Gate.In] is the barrier
// inside a transaction of the caller's.
//
// An effect outside of the database (a charge, a mail) is in no transaction.
// [Gate.PerformOutside] and [Gate.CompensateOutside] note it before and after: a
// key that was begun and not done may have had its effect, and only the other
// side knows. So the other side is given the key, asked again with the same, and
// asked by it when it is to be undone. A forward that is overtaken by its own
// compensation hears of it when it wants to note its effect, and undoes it. The
// phases are also there one by one: [Gate.Begin], [Gate.Done], [Gate.Failed],
// [Gate.BeginUndo], [Gate.Undone].
//
// # What is not obvious
//
//   - An effect runs inside of a transaction that may be tried again, so it may
//     run more than once, and is committed once. What it does elsewhere is done
//     each time: that belongs outside.
//   - An effect must return the errors of its statements. PostgreSQL refuses
//     everything that follows a failed statement; an effect that goes on all the
//     same fails, and nothing of it is there.
//   - Results are kept as JSON, and every answer is the JSON that was kept: the
//     first one too, so that nobody gets used to something else.
//   - A compensation gets the token that was noted, not the one of the saga. So
//     it has one where the saga never heard of the outcome.
//   - A saga with a token for a key of which nothing is noted is [ErrForgotten]:
//     a wrong database, or one that was set back to an older state. Silence would
//     leave the effect for ever.
//   - B1 to B4 are as durable as the database. With synchronous_commit=off in
//     PostgreSQL, or less than synchronous=FULL in SQLite, a power failure can
//     take an effect and its note of which the saga has heard.
//   - Rows are small and stay. [Gate.Forget] removes old ones, and its comment
//     says how old they must be.
//
// # What this is not
//
// No lock service, no queue and no cache of results. It keeps no effect away from
// a handler that does not ask. To begin a saga in a transaction of one's own, see
// package outbox; to have a PostgreSQL in a test, package pgtest.
package barrier
