package main

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/route/trip"
)

// schema is what was promised. The times are seconds since 1970.
const schema = `CREATE TABLE IF NOT EXISTS promises (
	key     TEXT PRIMARY KEY,
	vehicle TEXT NOT NULL,
	depart  INTEGER NOT NULL,
	arrive  INTEGER NOT NULL,
	by      TEXT NOT NULL,
	quality TEXT NOT NULL
) STRICT`

type settings struct {
	Margins map[trip.Quality]float64 `yaml:"margins"`
}

type board struct {
	route.Office
	settings
}

func open(o route.Office) (agent.Handler, error) {
	b := board{Office: o}
	if err := o.Config.Settings(&b.settings); err != nil {
		return agent.Handler{}, err
	}
	for _, q := range []trip.Quality{trip.Traffic, trip.Roads, trip.Estimate, trip.Person} {
		if !(b.Margins[q] >= 1) {
			return agent.Handler{}, fmt.Errorf("the margin of %q is %v, and has to be 1 or more", q, b.Margins[q])
		}
	}
	return agent.Handler{
		Perform:       b.Store.Perform(b.promise),
		Compensations: agent.Compensations{"take-back": b.Store.Compensate(b.takeBack)},
	}, nil
}

// Promise is the step's result: the drive, and what the promise rests on.
type Promise struct {
	Vehicle string       `json:"vehicle"`
	Depart  time.Time    `json:"depart"`
	Arrive  time.Time    `json:"arrive"`
	Metres  int          `json:"distance_m"`
	By      string       `json:"by"`
	Quality trip.Quality `json:"quality"`
}

func (b board) promise(ctx context.Context, tx *sql.Tx, t agent.Task) (agent.Result, error) {
	o, err := trip.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_order", "%w", err)
	}
	var way trip.Directions
	if err := t.Result("directions", &way); err != nil {
		return agent.Result{}, err
	}
	var reserved struct {
		Vehicle string `json:"vehicle"`
	}
	if err := t.Result("vehicle", &reserved); err != nil {
		return agent.Result{}, err
	}
	arrive := o.Depart.Add(b.takes(way))
	if arrive.After(o.Due) {
		return agent.Result{}, agent.Refuse("too_late", "by %s (%s) it would be there at %s, and is due at %s",
			way.By, way.Quality, arrive.Format(time.RFC3339), o.Due.Format(time.RFC3339))
	}
	p := Promise{reserved.Vehicle, o.Depart, arrive, way.Metres, way.By, way.Quality}
	_, err = tx.ExecContext(ctx, `INSERT INTO promises VALUES (?, ?, ?, ?, ?, ?)`,
		t.Key, p.Vehicle, p.Depart.Unix(), p.Arrive.Unix(), p.By, p.Quality)
	if err != nil {
		return agent.Result{}, fmt.Errorf("note the promise: %w", err)
	}
	return agent.Result{Data: p}, nil
}

// takes is how long to promise: the longest that is likely.
func (b board) takes(d trip.Directions) time.Duration {
	seconds := d.Seconds
	if d.Bounds != nil {
		seconds = max(seconds, d.Bounds.Seconds[1])
	}
	return time.Duration(math.Ceil(float64(seconds)*b.Margins[d.Quality])) * time.Second
}

func (b board) takeBack(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM promises WHERE key = ?`, u.Of)
	return err
}
