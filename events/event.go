package events

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// An Event is one fact about one saga. Seq and Time are the broker's, and zero
// until the event is stored: no agent's own clock ever counts.
type Event struct {
	Subject Subject
	Seq     uint64
	Time    time.Time

	ID          string // unique to the append, not to the fact
	Source      string // the agent instance, tool or person that wrote it
	Causation   string // the ID of the event that caused this one
	TraceParent string // W3C trace context
	TraceState  string
	Rerun       *Rerun // of a task that was submitted before; nil: it is the first time

	Data json.RawMessage
}

// A Rerun says that a task is another saga's.
type Rerun struct {
	Of     string `json:"of"` // the id of that saga, of the same type
	Reason string `json:"reason,omitempty"`
}

// New makes an event that is ready to append. Its ID is new: an append that is
// tried again keeps its event, a decision that is taken again makes another.
func New(s Subject, source string, cause Event, data any) (Event, error) {
	if err := s.Validate(); err != nil {
		return Event{}, err
	}
	body, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("encode data of %s: %w", s, err)
	}
	return Event{
		Subject: s, ID: uuid.NewString(), Source: source, Data: body,
		Causation: cause.ID, TraceParent: cause.TraceParent, TraceState: cause.TraceState,
	}, nil
}

// Unpack decodes the event's data into one of the types of this package.
func (e Event) Unpack(into any) error {
	if err := json.Unmarshal(e.Data, into); err != nil {
		return fmt.Errorf("decode data of %s: %w", e.Subject, err)
	}
	return nil
}
