package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Postgres is the outbox in a PostgreSQL database. A relay has one connection of
// the pool's while it works, and one of its own in which it listens.
func Postgres(pool *pgxpool.Pool, c Config) *Box[pgx.Tx] {
	full := cmp.Or(c.Table, defaultTable)
	name, index, err := tableName(full)
	return newBox(newPostgres(pool, full, name, index, c.Silent), c, err)
}

// PostgresSchema is what [Box.Migrate] runs, for those who run their migrations
// by another tool. It may be run again.
func PostgresSchema(c Config) (string, error) {
	name, index, err := tableName(cmp.Or(c.Table, defaultTable))
	if err != nil {
		return "", fmt.Errorf("schema of the outbox: %w", err)
	}
	return postgresSchema(name, index), nil
}

func postgresSchema(name, index string) string {
	return `CREATE TABLE IF NOT EXISTS ` + name + ` (
	seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	type        text NOT NULL,
	id          text NOT NULL,
	payload     text NOT NULL,
	traceparent text NOT NULL DEFAULT '',
	tracestate  text NOT NULL DEFAULT '',
	state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'aside')),
	tries       integer NOT NULL DEFAULT 0,
	error       text NOT NULL DEFAULT '',
	at          timestamptz NOT NULL DEFAULT now(),
	due         timestamptz NOT NULL DEFAULT now(),
	ended       timestamptz,
	UNIQUE (type, id)
);
CREATE INDEX IF NOT EXISTS ` + index + ` ON ` + name + ` (seq) WHERE state = 'waiting';
`
}

// postgres keeps rows in PostgreSQL.
type postgres struct {
	pool            *pgxpool.Pool
	schema, channel string

	puts, reads, takes, deletes, marks, postpones, puttings string
	backlogs, asides, retries, forgets                      string
}

func newPostgres(pool *pgxpool.Pool, full, name, index string, silent bool) *postgres {
	// A channel is a name of the whole database's, and shorter than a table's
	// with its schema may be.
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(full))
	p := &postgres{
		pool: pool, schema: postgresSchema(name, index), channel: fmt.Sprintf("unwind_outbox_%x", hash.Sum64()),
		reads: `SELECT payload FROM ` + name + ` WHERE type = $1 AND id = $2`,
		takes: `SELECT seq, type, id, payload, traceparent, tracestate, tries, error, at FROM ` + name + `
			WHERE state = 'waiting' AND due <= now() AND type <> ALL ($2) ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED`,
		deletes:   `DELETE FROM ` + name + ` WHERE seq = ANY ($1)`,
		marks:     `UPDATE ` + name + ` SET state = 'delivered', error = '', ended = now() WHERE seq = ANY ($1)`,
		postpones: `UPDATE ` + name + ` SET tries = tries + 1, error = $2, due = clock_timestamp() + $3::interval WHERE seq = $1`,
		puttings:  `UPDATE ` + name + ` SET state = 'aside', tries = tries + 1, error = $2, ended = now() WHERE seq = $1`,
		backlogs:  `SELECT count(*), coalesce(min(at), now()) FROM ` + name + ` WHERE state = 'waiting'`,
		asides: `SELECT seq, type, id, payload, traceparent, tracestate, tries, error, at FROM ` + name + `
			WHERE state = 'aside' ORDER BY seq`,
		retries: `UPDATE ` + name + ` SET state = 'waiting', tries = 0, due = now(), ended = NULL WHERE type = $1 AND id = $2 AND state = 'aside'`,
		forgets: `DELETE FROM ` + name + ` WHERE state = 'delivered' AND ended < now() - $1::interval`,
	}
	p.puts = `INSERT INTO ` + name + ` (type, id, payload, traceparent, tracestate) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (type, id) DO NOTHING RETURNING seq`
	if !silent {
		p.puts = `WITH put AS (` + p.puts + `) SELECT seq FROM put, pg_notify('` + p.channel + `', '')`
	}
	return p
}

func (p *postgres) put(ctx context.Context, tx pgx.Tx, r Row) (other []byte, err error) {
	var seq int64
	err = tx.QueryRow(ctx, p.puts, r.Type, r.ID, string(r.Payload), r.TraceParent, r.TraceState).Scan(&seq)
	if !errors.Is(err, pgx.ErrNoRows) {
		return nil, p.explain(err)
	}
	var payload string
	err = tx.QueryRow(ctx, p.reads, r.Type, r.ID).Scan(&payload)
	if errors.Is(err, pgx.ErrNoRows) { // it was delivered and deleted in between
		return p.put(ctx, tx, r)
	}
	return []byte(payload), err
}

// take holds the rows by their locks, which the server gives back if this
// process dies: nobody else's relay sees them meanwhile, and none waits.
func (p *postgres) take(ctx context.Context, limit int, but []string, keep bool, try func(Row) end) (n int, err error) {
	tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return 0, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
		defer cancel()
		_ = tx.Rollback(ctx) // after a commit it does nothing
	}()
	found, err := tx.Query(ctx, p.takes, limit, but)
	rows, err := read(found, err)
	if err != nil || len(rows) == 0 {
		return 0, p.explain(err)
	}
	var notes pgx.Batch
	var ready []int64
	for _, row := range rows {
		switch e := try(row); e.kind {
		case delivered:
			ready = append(ready, row.Seq)
		case later:
			notes.Queue(p.postpones, row.Seq, e.error, e.after)
		case aside:
			notes.Queue(p.puttings, row.Seq, e.error)
		}
	}
	switch {
	case len(ready) > 0 && keep:
		notes.Queue(p.marks, ready)
	case len(ready) > 0:
		notes.Queue(p.deletes, ready)
	}
	// What was delivered is noted even if the relay was told to stop meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if notes.Len() > 0 {
		if err := tx.SendBatch(ctx, &notes).Close(); err != nil {
			return 0, fmt.Errorf("note what was delivered: %w", err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, fmt.Errorf("note what was delivered: %w", err)
	}
	return len(rows), nil
}

func read(rows pgx.Rows, err error) ([]Row, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Row, err error) {
		var payload string
		err = row.Scan(&r.Seq, &r.Type, &r.ID, &payload, &r.TraceParent, &r.TraceState, &r.Tries, &r.Error, &r.At)
		r.Payload = []byte(payload)
		return r, err
	})
}

// listen takes a connection out of the pool, for good: one that listens is of
// no use to others.
func (p *postgres) listen(ctx context.Context, ring func()) error {
	pooled, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = conn.Close(ctx) // the server finds out by itself
	}()
	if _, err := conn.Exec(ctx, `LISTEN `+p.channel); err != nil {
		return err
	}
	ring() // for what was put before anybody listened
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		ring()
	}
}

func (p *postgres) poll() time.Duration { return 5 * time.Second }

func (p *postgres) backlog(ctx context.Context) (n int, oldest time.Time, err error) {
	err = p.pool.QueryRow(ctx, p.backlogs).Scan(&n, &oldest)
	return n, oldest, p.explain(err)
}

func (p *postgres) aside(ctx context.Context) ([]Row, error) {
	found, err := p.pool.Query(ctx, p.asides)
	rows, err := read(found, err)
	return rows, p.explain(err)
}

func (p *postgres) again(ctx context.Context, typ, id string) (bool, error) {
	tag, err := p.pool.Exec(ctx, p.retries, typ, id)
	return tag.RowsAffected() == 1, p.explain(err)
}

func (p *postgres) forget(ctx context.Context, age time.Duration) (int64, error) {
	tag, err := p.pool.Exec(ctx, p.forgets, age)
	return tag.RowsAffected(), p.explain(err)
}

func (p *postgres) fits(ctx context.Context) error {
	_, err := p.aside(ctx)
	return err
}

// create makes the table. IF NOT EXISTS alone does not help two that make it at
// the same moment, so they queue up.
func (p *postgres) create(ctx context.Context) error {
	return pgx.BeginTxFunc(ctx, p.pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, p.schema); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, p.schema)
		return err
	})
}

func (p *postgres) explain(err error) error {
	const undefinedTable = "42P01"
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == undefinedTable {
		return fmt.Errorf("%w (%w)", errNoTable, err)
	}
	return err
}
