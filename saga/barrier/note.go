package barrier

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/unwind-saga/unwind/saga/agent"
)

var (
	// ErrBegun refuses to do or undo in one transaction what was begun in two
	// phases, and to do a key inside of its own effect.
	ErrBegun = errors.New("the key was begun in two phases, or is being done by this very transaction")

	// ErrNotBegun refuses a second phase without its first.
	ErrNotBegun = errors.New("the key was not begun")

	// ErrForgotten says that the step was done by the saga's history, and that
	// nothing is noted of it. So this is not the database in which it was done,
	// or an older state of it.
	ErrForgotten = errors.New("the saga has an undo token for a key of which nothing is noted here")
)

// A State of a key. One that was never seen has none.
type State string

// The states.
const (
	Begun   State = "begun"   // the effect, outside, may have happened
	Done    State = "done"    // it happened
	Undoing State = "undoing" // its undoing, outside, may have happened
	Dead    State = "dead"    // undone, or there was nothing: the tombstone
)

// A Note is what is known of a key.
type Note struct {
	Key    string
	State  State
	Tries  int             // Begins of which nobody knows how they ended
	Found  bool            // of a key undoing or dead: whether there was something to undo
	Result json.RawMessage // of the effect, for later steps; nil if there is none
	Undo   json.RawMessage // of the effect, for its undoing; nil if there is none
	At     time.Time       // when the state was reached, by the database's clock

	// Pending is what the effect's outcome waits for, if it comes later, as
	// [agent.Pending] in JSON: a duplicate waits for the same.
	Pending json.RawMessage
}

// keep takes an effect's result into the note.
func (n *Note) keep(r agent.Result) (err error) {
	if n.Result, err = encode("result", r.Data); err != nil {
		return err
	}
	if n.Undo, err = encode("undo token", r.Undo); err != nil || r.Pending == nil {
		return err
	}
	n.Pending, err = encode("pending outcome", r.Pending)
	return err
}

// answer is the effect's result, as the first call and every duplicate gives it.
func (n Note) answer() (r agent.Result, err error) {
	if n.Pending != nil {
		if err := json.Unmarshal(n.Pending, &r.Pending); err != nil {
			return agent.Result{}, fmt.Errorf("read what is noted of %s: %w", n.Key, err)
		}
	}
	if n.Result != nil {
		r.Data = n.Result
	}
	if n.Undo != nil {
		r.Undo = n.Undo
	}
	return r, nil
}

func encode(what string, v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the %s is no JSON: %w", what, err)
	}
	if !utf8.Valid(b) { // of a json.RawMessage, which is not looked into
		return nil, fmt.Errorf("the %s is no JSON: it is not UTF-8", what)
	}
	return b, nil
}
