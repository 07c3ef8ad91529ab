package live

import (
	"cmp"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// failure tells an error: the message, or its code if it has none.
func failure(err events.Error) string { return cmp.Or(err.Message, err.Code, "no reason given") }

// failed tells what happened, and what follows.
func failed(d events.Failure) (note, follows string) {
	note = fmt.Sprintf("%s: %s", d.Class, failure(d.Error))
	switch d.Left {
	case events.LeftUnknown:
		note += " · may have left something"
	case events.LeftUndone:
		note += " · what it left is undone"
	}
	switch d.Then {
	case events.ThenRetry:
		follows = " · retry in " + ink.Span(time.Duration(d.Due))
		if d.Throttled {
			follows = " · throttled, again in " + ink.Span(time.Duration(d.Due))
		}
		if d.Next != "" && d.Next != d.Agent {
			follows += " by " + d.Next
		}
	case events.ThenFallback:
		follows = " · → " + d.Next
	case events.ThenBack:
		follows = " · turns back"
	case events.ThenPerson:
		follows = " · a person must see to it"
	}
	return note, follows
}

func waits(d events.Wait) (note, follows string) {
	note = "waits for " + cmp.Or(d.WaitsFor, "its outcome")
	if d.Person {
		note = "asks a person: " + cmp.Or(d.Question, d.WaitsFor, "what now?")
	}
	if d.Within > 0 {
		follows = " · for " + ink.Span(time.Duration(d.Within))
	}
	return note, follows
}

func answered(d events.Answer) string {
	note := fmt.Sprintf("%s, says %s", cmp.Or(string(d.Outcome), "something unreadable"), cmp.Or(d.By, "somebody outside"))
	if d.Next != "" {
		note += " → " + d.Next
	}
	if why := cmp.Or(d.Reason, errorText(d.Error)); why != "" {
		note += ": " + why
	}
	return note
}

func errorText(err *events.Error) string {
	if err == nil {
		return ""
	}
	return failure(*err)
}

func turned(d events.Turn) string {
	why := ""
	if d.Error != nil {
		why = ": " + failure(*d.Error)
	}
	switch d.Reason {
	case events.ReasonFailed:
		return fmt.Sprintf("turned back: %s failed%s", d.Step, why)
	case events.ReasonDeadline:
		return "turned back: its time is up"
	case events.ReasonCancelled:
		return fmt.Sprintf("turned back: cancelled by %s%s", d.By, why)
	case events.ReasonRejected:
		return "turned back: the task is not acceptable" + why
	default:
		return "turned back" + why
	}
}

func undone(d events.Undone, at, asked time.Time) string {
	note := "undone"
	if d.Found == events.FoundNothing {
		note = "there was nothing to undo"
	}
	if d.Reason != "" {
		return fmt.Sprintf("%s by hand, by %s: %s", note, d.By, d.Reason)
	}
	if asked.IsZero() {
		return note + " · without being asked"
	}
	return note + " · in " + ink.Span(at.Sub(asked))
}

func undoFailed(d events.UndoFailure) (note, follows string) {
	if d.Then == events.ThenPerson {
		return failure(d.Error), " · a person must look"
	}
	return failure(d.Error), " · again in " + ink.Span(time.Duration(d.Due))
}

func dismissed(d events.Dismissal) string {
	text := string(d.As)
	if d.To != "" {
		text += " as " + d.To
	}
	text += ", says " + d.By
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	return text
}
