package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/unwind-saga/unwind/events"
)

// A Row is a task in the table.
type Row struct {
	Seq         int64 // the order of rows
	Type        string
	ID          string
	Payload     json.RawMessage
	TraceParent string
	TraceState  string
	Tries       int    // that were answered, and not with success
	Error       string // of the last try
	At          time.Time
}

// ErrTaken refuses a task whose id is that of another one, in the table or in
// the log.
var ErrTaken = errors.New("another task has this id")

// check says whether a task could ever be delivered.
func check(typ, id string, payload []byte) error {
	if err := events.ValidName("saga type", typ); err != nil {
		return err
	}
	if err := events.ValidID(id); err != nil {
		return err
	}
	switch {
	case len(payload) > events.MaxPayload:
		return fmt.Errorf("the payload has %d bytes, %d are allowed", len(payload), events.MaxPayload)
	case !json.Valid(payload) || !utf8.Valid(payload):
		return errors.New("the payload is not JSON")
	}
	return nil
}

// An end is what came of one try at delivering a row.
type end struct {
	kind  ending
	error string        // why it was not delivered
	after time.Duration // until the next try
}

type ending int

const (
	untouched ending = iota // nothing is known, and nothing is noted
	delivered
	later
	aside
)
