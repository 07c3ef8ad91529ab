// Package barrier gives a handler exactly-once effects inside its own SQL
// transaction. A saga may deliver anything twice, late, or in the wrong order;
// an effect must happen once, or not at all, and must not come back after it
// was undone.
//
//	gate := barrier.Postgres(pool, barrier.Config{})
//	if err := gate.Migrate(ctx); err != nil { ... }
//
//	agent.Run(ctx, log, cfg, agent.Handler{
//		Perform: gate.Perform(func(ctx context.Context, tx pgx.Tx, t agent.Task) (agent.Result, error) {
//			_, err := tx.Exec(ctx, `INSERT INTO booking ...`)
//			return agent.Result{Data: ..., Undo: ...}, err
//		}),
//		Compensations: agent.Compensations{
//			"cancel": gate.Compensate(func(ctx context.Context, tx pgx.Tx, u agent.Undo) error {
//				_, err := tx.Exec(ctx, `DELETE FROM booking ...`)
//				return err
//			}),
//		},
//	})
package barrier
