// Package store is an agent's own durable memory: one SQLite file, which several
// processes may share, with the barrier of package barrier in it and the agent's
// own tables beside it. So an effect that is in the file is made once or not at
// all, with nothing else to be done for it:
//
//	s, err := store.Open(path, schema)
//	agent.Handler{
//		Perform:       s.Perform(func(ctx context.Context, tx *sql.Tx, t agent.Task) (agent.Result, error) { ... }),
//		Compensations: agent.Compensations{"cancel": s.Compensate(func(ctx context.Context, tx *sql.Tx, u agent.Undo) error { ... })},
//	}
//
// A mail or a provider's booking is in no transaction. For those there are
// PerformOutside and CompensateOutside.
//
// The file also keeps a log of what was committed for each key ([Store.Runs]),
// written by triggers, which know nothing of how the barrier works and so can
// be held against it.
//
// # What this is not
//
// No place for much data. The file must lie on a local disk (SQLite's locks do
// not work over a network), and an effect holds its write lock while it runs: a
// slow effect makes all others wait.
package store
