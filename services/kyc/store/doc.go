// Package store is an agent's own durable memory: what it did, by idempotency
// key, in one SQLite file that several processes may share.
//
// Begin with [Open]. What it gives is a barrier between a saga, which may
// deliver anything twice, late or in the wrong order, and an effect that must
// happen once or not at all:
//
//	result, err := s.Do(ctx, key, func(tx *sql.Tx) ([]byte, error) { ... })
//	found, err := s.Undo(ctx, key, func(tx *sql.Tx, result []byte) error { ... })
//
// Invariants, for each key:
//
//   - B1 the effect is committed at most once; a duplicate gets the first result;
//   - B2 the undoing is committed at most once, and after its effect;
//   - B3 a key that was undone is dead, even where there was nothing to undo: the
//     effect that comes after its own compensation is refused with [ErrDead].
//
// They hold because the effect, the note of it and the look at what was noted
// before are one transaction that holds the file's write lock from its first
// statement; a process that dies in the middle leaves nothing.
//
// # Effects outside of the file
//
// A mail or a provider's booking is in no transaction. For those there are two
// phases: [Store.Begin], the effect, [Store.Done]; and for the way back
// [Store.BeginUndo], the undoing, [Store.Undone]. A key begun and not done is
// visible as such: its effect may have happened, and only the other side knows.
// So the other side should be given the key, and asked again with the same.
// Undo may meet a forward that had passed Begin before: that forward hears of it
// at Done, with ErrDead, and must undo its effect itself.
//
// # What this is not
//
// No queue, no lock service, no place for much data. The file must lie on a local
// disk (SQLite's locks do not work over a network), and [Store.Do] holds its
// write lock while the effect runs: a slow effect makes all others wait.
package store
