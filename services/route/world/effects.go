package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/store"
)

// An Effect is something of a saga that is there, and where it was found.
type Effect struct {
	Saga    string // its id
	Where   string // the agent whose store it is in
	Vehicle string
	What    string
}

func (e Effect) String() string { return e.Where + ": " + e.Vehicle + " " + e.What }

// What the agents' own tables have, in one form.
var questions = map[string]string{
	"vehicle":  `SELECT key, 'van-' || vehicle, since, until, 'is reserved' FROM reservations ORDER BY key`,
	"dispatch": `SELECT key, vehicle, depart, arrive, 'is promised, by ' || by || ' (' || quality || '),' FROM promises ORDER BY key`,
}

// Effects looks into the agents' tables for what is there, of one saga or, with
// an empty id, of all. A store whose keys and whose tables don't agree is an
// error.
func (w *World) Effects(ctx context.Context, id string) ([]Effect, error) {
	var found []Effect
	for _, name := range []string{"vehicle", "dispatch"} {
		list, err := w.effects(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look for effects of %s: %w", name, err)
		}
		for _, e := range list {
			if id == "" || e.Saga == id {
				found = append(found, e)
			}
		}
	}
	return found, nil
}

func (w *World) effects(ctx context.Context, name string) (found []Effect, err error) {
	file := route.StateFile(w.state, name)
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	st, err := store.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	rows, err := st.DB().QueryContext(ctx, questions[name])
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	for rows.Next() {
		var key, vehicle, what string
		var since, until int64
		if err := rows.Scan(&key, &vehicle, &since, &until, &what); err != nil {
			return nil, err
		}
		found = append(found, Effect{sagaOf(key), name, vehicle, fmt.Sprintf("%s from %s to %s", what, clock(since), clock(until))})
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if live, err := st.Live(ctx); err != nil || live != len(found) {
		return nil, errors.Join(err, fmt.Errorf("%d keys are alive, and %d effects are there", live, len(found)))
	}
	return found, nil
}

// Overlaps lists the pairs of reservations that have one vehicle at one time.
func (w *World) Overlaps(ctx context.Context) (list []string, err error) {
	st, err := store.Open(route.StateFile(w.state, "vehicle"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	rows, err := st.DB().QueryContext(ctx, `SELECT a.key || ' and ' || b.key FROM reservations a JOIN reservations b
		ON a.vehicle = b.vehicle AND a.key < b.key AND a.since < b.until AND b.since < a.until`)
	if err != nil {
		return nil, fmt.Errorf("look for overlaps: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	for rows.Next() {
		var pair string
		if err := rows.Scan(&pair); err != nil {
			return nil, fmt.Errorf("look for overlaps: %w", err)
		}
		list = append(list, pair)
	}
	return list, rows.Err()
}

// Runs says how often each key was done and undone, of all agents that have a
// store.
func (w *World) Runs(ctx context.Context) (map[string]store.Ran, error) {
	files, err := filepath.Glob(filepath.Join(w.state, "*.db"))
	if err != nil {
		return nil, err
	}
	all := map[string]store.Ran{}
	for _, file := range files {
		st, err := store.Open(file)
		if err != nil {
			return nil, err
		}
		runs, err := st.Runs(ctx)
		st.Close()
		if err != nil {
			return nil, err
		}
		for key, ran := range runs {
			all[key] = ran
		}
	}
	return all, nil
}

func clock(unix int64) string { return time.Unix(unix, 0).UTC().Format("15:04:05") }

// sagaOf reads the saga's id from an idempotency key.
func sagaOf(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}
