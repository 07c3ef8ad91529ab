package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/route/trip"
)

// schema is the book of reservations. The times are seconds since 1970.
const schema = `CREATE TABLE IF NOT EXISTS reservations (
	key     TEXT PRIMARY KEY,
	vehicle INTEGER NOT NULL,
	since   INTEGER NOT NULL,
	until   INTEGER NOT NULL
) STRICT`

type settings struct {
	Fleet int `yaml:"fleet"`
}

type depot struct {
	route.Office
	settings
}

func open(o route.Office) (agent.Handler, error) {
	d := depot{Office: o}
	if err := o.Config.Settings(&d.settings); err != nil {
		return agent.Handler{}, err
	}
	if d.Fleet < 1 {
		return agent.Handler{}, fmt.Errorf("a fleet of %d vehicles", d.Fleet)
	}
	return agent.Handler{
		Perform:       d.Store.Perform(d.reserve),
		Compensations: agent.Compensations{"free-vehicle": d.Store.Compensate(d.free)},
	}, nil
}

// Reserved is the step's result.
type Reserved struct {
	Vehicle string    `json:"vehicle"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// reserve reserves the first vehicle that nobody has in the order's time.
func (d depot) reserve(ctx context.Context, tx *sql.Tx, t agent.Task) (agent.Result, error) {
	o, err := trip.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_order", "%w", err)
	}
	for n := 1; n <= d.Fleet; n++ {
		var taken int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM reservations WHERE vehicle = ? AND since < ? AND until > ?`,
			n, o.Due.Unix(), o.Depart.Unix()).Scan(&taken)
		if err != nil {
			return agent.Result{}, fmt.Errorf("look for a vehicle: %w", err)
		}
		if taken > 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO reservations VALUES (?, ?, ?, ?)`, t.Key, n, o.Depart.Unix(), o.Due.Unix()); err != nil {
			return agent.Result{}, fmt.Errorf("reserve a vehicle: %w", err)
		}
		return agent.Result{Data: Reserved{Vehicle: fmt.Sprintf("van-%d", n), Since: o.Depart, Until: o.Due}}, nil
	}
	return agent.Result{}, agent.Refuse("no_vehicle", "all %d vehicles are taken between %s and %s", d.Fleet, o.Depart, o.Due)
}

func (d depot) free(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM reservations WHERE key = ?`, u.Of)
	return err
}
