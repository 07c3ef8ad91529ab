package sagatest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// Transcript prints a history, a line for each event: seconds since the first
// one, step, event, and what the event says that people want to know.
func Transcript(history []events.Event) string {
	var b strings.Builder
	for _, e := range history {
		since := e.Time.Sub(history[0].Time).Round(100 * time.Millisecond)
		line := fmt.Sprintf("%7.1f  %-8s %-22s %s", since.Seconds(), room(e.Subject), e.Subject.Event(), says(e))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func room(s events.Subject) string {
	return cmp.Or(s.Step, strings.Split(s.String(), ".")[2])
}

// says tells the part of an event's data that decides something.
func says(e events.Event) string {
	switch e.Subject.Kind {
	case events.Started, events.Attempt:
		c := decode[events.Claim](e)
		return fmt.Sprintf("by %s, cause %s", c.Agent, c.Cause)
	case events.Failed:
		f := decode[events.Failure](e)
		then := string(f.Then)
		switch f.Then {
		case events.ThenRetry:
			then += fmt.Sprintf(" in %s", time.Duration(f.Due))
			if f.Throttled {
				then += ", which does not count"
			}
		case events.ThenFallback:
			then += " to " + f.Next
		}
		if f.Then == events.ThenRetry && f.Next != "" {
			then += " by " + f.Next
		}
		if f.Raw != nil {
			then += fmt.Sprintf(": %s: %s", f.Error.Message, f.Raw.Text)
		}
		return fmt.Sprintf("%s (%s), left %s, then %s", f.Class, f.Error.Code, f.Left, then)
	case events.Pending:
		w := decode[events.Wait](e)
		if w.Within > 0 {
			return fmt.Sprintf("for %s, within %s", w.WaitsFor, time.Duration(w.Within))
		}
		return "for " + w.WaitsFor
	case events.Answered:
		a := decode[events.Answer](e)
		return strings.TrimSpace(fmt.Sprintf("%s by %s %s", a.Outcome, a.By, a.Next))
	case events.Committed:
		return "by " + decode[events.Commitment](e).Agent
	case events.Completed, events.Skipped:
		d := decode[events.Done](e)
		if d.ResultRef != nil {
			return fmt.Sprintf("by %s, %d bytes on the shelf", d.Agent, d.ResultRef.Size)
		}
		return "by " + d.Agent
	case events.SagaCompleted:
		var apart string
		if refs := slices.Sorted(maps.Keys(decode[events.End](e).Refs)); len(refs) > 0 {
			apart = "on the shelf: " + strings.Join(refs, ", ")
		}
		return apart
	case events.Unwinding:
		t := decode[events.Turn](e)
		return strings.TrimSpace(fmt.Sprintf("%s %s", t.Reason, t.Step))
	case events.Compensate:
		o := decode[events.UndoOrder](e)
		if o.Undo == nil {
			return fmt.Sprintf("attempt %d, no token", o.Attempt)
		}
		return fmt.Sprintf("attempt %d, token %s", o.Attempt, o.Undo)
	case events.Compensated:
		return "found " + string(decode[events.Undone](e).Found)
	case events.UndoFailed:
		f := decode[events.UndoFailure](e)
		if f.Then == events.ThenRetry {
			return fmt.Sprintf("then retry in %s", time.Duration(f.Due))
		}
		return "then " + string(f.Then)
	case events.Rejected:
		return decode[events.Rejection](e).Error.Message
	default:
		return ""
	}
}

func decode[T any](e events.Event) (v T) {
	if err := e.Unpack(&v); err != nil {
		panic(err) // only called on histories that fold
	}
	return v
}
