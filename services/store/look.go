package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/saga/barrier"
)

// An Effect is a key that the store has heard of.
type Effect struct {
	Key   string
	State barrier.State
}

// Live counts the keys whose effect is there or may be: done, begun, undoing.
// Nothing is left behind when it is zero.
func (s *Store) Live(ctx context.Context) (int, error) {
	var n int
	err := s.reading.QueryRowContext(ctx, `SELECT count(*) FROM unwind_barrier WHERE state <> 'dead'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count live effects in %s: %w", s.path, err)
	}
	return n, nil
}

// List returns the keys in the given states, of all states if none is given, in
// the order of keys.
func (s *Store) List(ctx context.Context, states ...barrier.State) ([]Effect, error) {
	rows, err := s.reading.QueryContext(ctx, `SELECT key, state FROM unwind_barrier ORDER BY key`)
	if err != nil {
		return nil, fmt.Errorf("list effects in %s: %w", s.path, err)
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	var all []Effect
	for rows.Next() {
		var e Effect
		if err := rows.Scan(&e.Key, &e.State); err != nil {
			return nil, fmt.Errorf("list effects in %s: %w", s.path, err)
		}
		if len(states) == 0 || slices.Contains(states, e.State) {
			all = append(all, e)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list effects in %s: %w", s.path, err)
	}
	return all, nil
}

// Ran says how often something was committed for a key. Forward above one, or
// Back above one, breaks the barrier's B1 or B2.
type Ran struct {
	Forward int // done, in one phase or two
	Back    int // undone
	Begun   int // tries outside, of which many are allowed
	Buried  int // tombstones where nothing was found
}

// Runs reads the log, by key.
func (s *Store) Runs(ctx context.Context) (map[string]Ran, error) {
	rows, err := s.reading.QueryContext(ctx, `SELECT key,
		count(*) FILTER (WHERE what = 'do'), count(*) FILTER (WHERE what = 'undo'),
		count(*) FILTER (WHERE what = 'begin'), count(*) FILTER (WHERE what = 'bury')
		FROM unwind_run GROUP BY key`)
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", s.path, err)
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	all := make(map[string]Ran)
	for rows.Next() {
		var key string
		var r Ran
		if err := rows.Scan(&key, &r.Forward, &r.Back, &r.Begun, &r.Buried); err != nil {
			return nil, fmt.Errorf("read the log of %s: %w", s.path, err)
		}
		all[key] = r
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", s.path, err)
	}
	return all, nil
}
