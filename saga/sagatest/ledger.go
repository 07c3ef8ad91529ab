package sagatest

import (
	"errors"
	"maps"
	"slices"
	"sync"
)

// A Ledger keeps the effects that the agents of a story have on the world, by
// idempotency key, as a good resource does: a key is done once, and a key that
// was undone stays dead.
type Ledger struct {
	open bool // a key that was undone can be done again

	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	there bool // the effect is there now
	dead  bool // it was undone, or undone before it was done
}

var errDead = errors.New("the key is dead")

func (l *Ledger) entry(key string) *entry {
	if l.entries == nil {
		l.entries = map[string]*entry{}
	}
	e := l.entries[key]
	if e == nil {
		e = &entry{}
		l.entries[key] = e
	}
	return e
}

// do makes an effect, once.
func (l *Ledger) do(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(key)
	if e.dead && !l.open {
		return errDead
	}
	e.there = true
	return nil
}

// insist makes an effect outside of the agents, by somebody who knows no keys
// and keeps no barrier.
func (l *Ledger) insist(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entry(key).there = true
}

// undo takes it back and reports whether it was there.
func (l *Ledger) undo(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(key)
	found := e.there
	e.there, e.dead = false, true
	return found
}

// Left lists the keys whose effects are there.
func (l *Ledger) Left() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := []string{}
	for _, key := range slices.Sorted(maps.Keys(l.entries)) {
		if l.entries[key].there {
			keys = append(keys, key)
		}
	}
	return keys
}
