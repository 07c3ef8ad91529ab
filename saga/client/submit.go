package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// Submit writes the task of a new saga and returns its sequence. What no agent
// could accept is refused before anything is written: a name or an id outside
// the grammar, a payload that is not JSON or larger than [events.MaxPayload].
// by says who submits.
//
// A saga type is there once one of its agents has run: until then the error is
// [events.ErrNoType]. An id that was used before is [ErrDuplicate]; whoever
// derives the id from what the saga is about, and submits twice, has submitted
// once.
func Submit(ctx context.Context, log events.Log, typ, id string, payload []byte, by string) (seq uint64, err error) {
	return submit(ctx, log, typ, id, payload, by, events.Event{}, "")
}

// Resubmit is [Submit] of a task that was submitted before, changed or not. The new
// saga says whose task it was and why it is submitted again, and names the last event
// of the old one as its cause.
func Resubmit(ctx context.Context, log events.Log, id string, payload []byte, by string, last events.Event, reason string) (seq uint64, err error) {
	return submit(ctx, log, last.Subject.Type, id, payload, by, last, reason)
}

func submit(ctx context.Context, log events.Log, typ, id string, payload []byte, by string, cause events.Event, reason string) (seq uint64, err error) {
	attempt := fmt.Sprintf("submit saga %s/%s", typ, id)
	if err := check(typ, id, payload); err != nil {
		return 0, fmt.Errorf("%s: %w", attempt, badTask{err})
	}
	e, err := events.New(events.TaskSubject(typ, id), by, cause, json.RawMessage(payload))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", attempt, err)
	}
	if cause.ID != "" {
		e.Rerun = &events.Rerun{Of: cause.Subject.ID, Reason: reason}
	}
	seq, err = log.Append(ctx, e)
	switch {
	case errors.Is(err, events.ErrTaken):
		return 0, refuse(attempt, ErrDuplicate, "an id is never used again; give this saga another one")
	case errors.Is(err, events.ErrNoType):
		return 0, noType(ctx, log, attempt)
	case err != nil:
		return 0, fmt.Errorf("%s: %w", attempt, err)
	}
	return seq, nil
}

func check(typ, id string, payload []byte) error {
	if err := events.ValidName("saga type", typ); err != nil {
		return err
	}
	if err := events.ValidID(id); err != nil {
		return err
	}
	switch {
	case len(payload) > events.MaxPayload:
		return fmt.Errorf("the payload has %d bytes, %d are allowed\nhint: keep what is large elsewhere, and submit where it is", len(payload), events.MaxPayload)
	case len(payload) == 0:
		return errors.New("the payload is empty\nhint: it must be JSON, at least {}")
	}
	var any json.RawMessage
	if err := json.Unmarshal(payload, &any); err != nil {
		return fmt.Errorf("the payload is not JSON: %w%s", err, where(payload, err))
	}
	return nil
}

// where says the line and column of a syntax error.
func where(payload []byte, err error) string {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return ""
	}
	before := string(payload[:max(min(int(syntax.Offset), len(payload))-1, 0)])
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return fmt.Sprintf("\nhint: look at line %d, column %d", line, column)
}

// noType says which types there are. They are asked for only now, when
// something went wrong.
func noType(ctx context.Context, log events.Log, attempt string) error {
	hint := "a saga type is there once one of its agents has run"
	if types, err := log.Types(ctx); err == nil && len(types) > 0 {
		hint += "; there are " + strings.Join(types, ", ")
	}
	return refuse(attempt, events.ErrNoType, hint)
}
