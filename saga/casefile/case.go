package casefile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// Version is the format that this package writes, and the newest that it reads.
const Version = 1

// A Case is the history of one saga, as a file has it.
type Case struct {
	Version  int         `json:"unwind_case"` // of the format
	Type     string      `json:"type"`
	ID       string      `json:"id"`
	Status   saga.Status `json:"status,omitempty"` // as it stood; absent for a history that makes no sense
	Exported time.Time   `json:"exported"`
	Redacted []string    `json:"redacted,omitempty"` // the paths that were taken out

	// Agents are the configurations of the agents that were running, as they
	// declared them. There may be none.
	Agents []json.RawMessage `json:"agents,omitempty"`

	Events []Record `json:"events"`

	// Large are the results that the events refer to, by digest.
	Large map[string]json.RawMessage `json:"large,omitempty"`
}

// A Record is one event.
type Record struct {
	Seq         uint64        `json:"seq"`
	Time        time.Time     `json:"time"`
	Subject     string        `json:"subject"`
	ID          string        `json:"id"`
	Source      string        `json:"source,omitempty"`
	Causation   string        `json:"causation,omitempty"`
	TraceParent string        `json:"traceparent,omitempty"`
	TraceState  string        `json:"tracestate,omitempty"`
	Rerun       *events.Rerun `json:"rerun,omitempty"`

	// One of them; none for an event without data.
	Data   json.RawMessage `json:"data,omitempty"`
	Text   string          `json:"text,omitempty"`
	Base64 string          `json:"base64,omitempty"`
}

// New makes a case of a history. Large results are put into [Case.Large] by
// [Case.Embed].
func New(history []events.Event, now time.Time) (*Case, error) {
	if len(history) == 0 {
		return nil, fmt.Errorf("make a case: %w", errNoEvents)
	}
	first := history[0].Subject
	c := &Case{Version: Version, Type: first.Type, ID: first.ID, Exported: now.UTC().Round(time.Second)}
	for _, e := range history {
		c.Events = append(c.Events, recordOf(e))
	}
	if s, err := saga.Fold(history); err == nil {
		c.Status = s.Status()
	}
	return c, nil
}

func recordOf(e events.Event) Record {
	r := Record{
		Seq: e.Seq, Time: e.Time.UTC(), Subject: e.Subject.String(), ID: e.ID, Source: e.Source, Causation: e.Causation,
		TraceParent: e.TraceParent, TraceState: e.TraceState, Rerun: e.Rerun,
	}
	switch {
	case json.Valid(e.Data):
		r.Data = e.Data
	case utf8.Valid(e.Data):
		r.Text = string(e.Data)
	default:
		r.Base64 = base64.StdEncoding.EncodeToString(e.Data)
	}
	return r
}

// event reads a record.
func (r Record) event() (events.Event, error) {
	s, err := events.Parse(r.Subject)
	if err != nil {
		return events.Event{}, err
	}
	e := events.Event{
		Subject: s, Seq: r.Seq, Time: r.Time, ID: r.ID, Source: r.Source, Causation: r.Causation,
		TraceParent: r.TraceParent, TraceState: r.TraceState, Rerun: r.Rerun, Data: r.Data,
	}
	switch {
	case r.Text != "":
		e.Data = json.RawMessage(r.Text)
	case r.Base64 != "":
		if e.Data, err = base64.StdEncoding.DecodeString(r.Base64); err != nil {
			return events.Event{}, fmt.Errorf("base64 of %s: %w", r.Subject, err)
		}
	}
	return e, nil
}

// History returns the events, as a log would.
func (c *Case) History() ([]events.Event, error) {
	history := make([]events.Event, 0, len(c.Events))
	for i, r := range c.Events {
		e, err := r.event()
		switch {
		case err != nil:
			return nil, c.wrong("event %d: %w", i+1, err)
		case e.Subject.Type != c.Type || e.Subject.ID != c.ID:
			return nil, c.wrong("event %d is of another saga: %s", i+1, r.Subject)
		case i > 0 && e.Seq <= history[i-1].Seq:
			return nil, c.wrong("event %d has sequence %d, after %d", i+1, e.Seq, history[i-1].Seq)
		}
		history = append(history, e)
	}
	return history, nil
}

// State folds the history.
func (c *Case) State() (*saga.State, error) {
	history, err := c.History()
	if err != nil {
		return nil, err
	}
	return saga.Fold(history)
}

func (c *Case) wrong(format string, args ...any) error {
	return fmt.Errorf("case %s/%s: %w", c.Type, c.ID, fmt.Errorf(format, args...))
}
