package barrier_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
)

// outcomes are what all the calls on one key were answered.
type outcomes struct {
	mu        sync.Mutex
	forwards  []string // results, or "dead"
	backwards []error  // nil or ErrNothingFound
}

// race lets forwards and backs loose on each key at the same moment, and holds
// what they were answered against each other and against what is in the
// database.
func race[Tx any](t *testing.T, d desk[Tx], keys, forwards, backs int) {
	t.Helper()
	ctx := t.Context()
	met := map[string]int{}
	for k := range keys {
		key := fmt.Sprintf("key-%d-%d-%d", forwards, backs, k)
		var out outcomes
		var wg sync.WaitGroup
		start := make(chan struct{})
		calls := make([]func(), 0, forwards+backs)
		for range forwards {
			calls = append(calls, func() {
				r, err := d.Do(ctx, key, d.effect(ctx, key))
				said := fmt.Sprintf("%s/%s", r.Data, r.Undo)
				switch {
				case errors.Is(err, agent.ErrDead):
					said = "dead"
				case err != nil:
					t.Errorf("do %s: %v", key, err)
				}
				out.mu.Lock()
				defer out.mu.Unlock()
				out.forwards = append(out.forwards, said)
			})
		}
		for range backs {
			calls = append(calls, func() {
				err := d.Undo(ctx, key, d.undoing(ctx, key))
				if err != nil && !errors.Is(err, agent.ErrNothingFound) {
					t.Errorf("undo %s: %v", key, err)
				}
				out.mu.Lock()
				defer out.mu.Unlock()
				out.backwards = append(out.backwards, err)
			})
		}
		rand.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
		for _, call := range calls {
			wg.Go(func() { <-start; call() })
		}
		close(start)
		wg.Wait()
		met[out.check(t, key, backs > 0)]++
		if n, want := d.booked(t, key), 1; backs > 0 && n != 0 || backs == 0 && n != want {
			t.Errorf("%s: %d rows", key, n)
		}
	}
	for key, ran := range d.ran(t) {
		if ran[0] > 1 || ran[1] > ran[0] {
			t.Errorf("%s: committed %d times, undone %d times", key, ran[0], ran[1])
		}
	}
	t.Log(met)
}

// check says which way the race went.
func (out *outcomes) check(t *testing.T, key string, turned bool) string {
	t.Helper()
	first := ""
	for _, said := range out.forwards {
		switch {
		case said == "dead":
		case first == "":
			first = said
		case said != first:
			t.Errorf("%s: one forward got %s, another %s", key, first, said)
		}
	}
	if !turned {
		if first == "" {
			t.Errorf("%s: no forward got through", key)
		}
		return "forward"
	}
	for _, err := range out.backwards {
		if !errors.Is(err, out.backwards[0]) {
			t.Errorf("%s: one compensation got %v, another %v", key, out.backwards[0], err)
		}
	}
	if out.backwards[0] != nil {
		if first != "" {
			t.Errorf("%s: nothing was found to undo, but a forward got %s", key, first)
		}
		return "back first"
	}
	return "forward first"
}

func races[Tx any](t *testing.T, d desk[Tx], keys int) {
	t.Run("forward and forward", func(t *testing.T) { race(t, d, keys, 8, 0) })
	t.Run("forward and compensate", func(t *testing.T) { race(t, d, keys, 1, 1) })
	t.Run("many of both", func(t *testing.T) { race(t, d, keys, 6, 6) })
}

// B1 to B3, with many at the same moment: one waits or tries again, never both.
func TestRace(t *testing.T) {
	for _, level := range levels {
		t.Run("postgres "+string(level), func(t *testing.T) { races(t, postgres(t, barrier.Config{Isolation: level}), 100) })
	}
	t.Run("sqlite", func(t *testing.T) { races(t, sqlite(t, barrier.Config{}), 20) })
}

// Whoever brings a transaction of their own has the same, and loses a
// transaction instead of waiting where the level asks for it.
func TestRaceInside(t *testing.T) {
	for _, level := range levels {
		t.Run("postgres "+string(level), func(t *testing.T) {
			raceInside(t, postgres(t, barrier.Config{Isolation: level}), 40)
		})
	}
	t.Run("sqlite", func(t *testing.T) { raceInside(t, sqlite(t, barrier.Config{}), 10) })
}

func raceInside[Tx any](t *testing.T, d desk[Tx], keys int) {
	ctx := t.Context()
	for k := range keys {
		key := fmt.Sprint("inside-", k)
		var wg sync.WaitGroup
		for n := range 6 {
			wg.Go(func() {
				for range 50 { // tries
					err := d.inside(ctx, func(tx Tx) error {
						if n < 3 {
							_, err := d.In(tx).Do(ctx, key, d.effect(ctx, key))
							return err
						}
						return ignoreNothing(d.In(tx).Undo(ctx, key, d.undoing(ctx, key)))
					})
					if err == nil || errors.Is(err, agent.ErrDead) {
						return
					}
				}
				t.Errorf("%s: %d never came through", key, n)
			})
		}
		wg.Wait()
		if n := d.booked(t, key); n != 0 {
			t.Errorf("%s: %d rows", key, n)
		}
	}
	for key, ran := range d.ran(t) {
		if ran[0] > 1 || ran[1] > ran[0] {
			t.Errorf("%s: committed %d times, undone %d times", key, ran[0], ran[1])
		}
	}
}

// The tombstone is an answer to be committed.
func ignoreNothing(err error) error {
	if errors.Is(err, agent.ErrNothingFound) {
		return nil
	}
	return err
}

// A transaction of the author's goes on as if a call that failed had not been
// made.
func TestFailureInside(t *testing.T) {
	t.Run("postgres", func(t *testing.T) { failInside(t, postgres(t, barrier.Config{})) })
	t.Run("sqlite", func(t *testing.T) { failInside(t, sqlite(t, barrier.Config{})) })
}

func failInside[Tx any](t *testing.T, d desk[Tx]) {
	ctx := t.Context()
	err := d.inside(ctx, func(tx Tx) error {
		if _, err := d.book(ctx, tx, "theirs"); err != nil {
			return err
		}
		_, err := d.In(tx).Do(ctx, "k", func(tx Tx) (agent.Result, error) {
			_, err := d.book(ctx, tx, "k")
			return agent.Result{}, errors.Join(err, errFailed)
		})
		if !errors.Is(err, errFailed) {
			t.Errorf("got %v", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = d.In(tx).Do(ctx, "k", func(tx Tx) (agent.Result, error) {
				_, _ = d.book(ctx, tx, "k")
				panic("effect")
			})
		}()
		r, err := d.In(tx).Do(ctx, "other", d.effect(ctx, "other"))
		if err != nil || r.Undo == nil {
			t.Errorf("got %v, %v", r, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"theirs": 1, "k": 0, "other": 1} {
		if n := d.booked(t, key); n != want {
			t.Errorf("%s: %d rows, want %d", key, n, want)
		}
	}
	if n, err := d.Look(ctx, "k"); err != nil || n.State != "" {
		t.Errorf("noted %+v, %v", n, err)
	}
	if n, err := d.Look(ctx, "other"); err != nil || n.State != barrier.Done || n.At.IsZero() {
		t.Errorf("noted %+v, %v", n, err)
	}
}
