package live

import (
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A mark is how a kind of event looks.
type mark struct {
	symbol string
	tone   ink.Tone
}

var marks = map[events.Kind]mark{
	events.Submitted:       {"●", ink.Strong},
	events.Rejected:        {"✖", ink.Bad},
	events.Started:         {"▶", ink.Busy},
	events.Attempt:         {"▶", ink.Busy},
	events.Failed:          {"✖", ink.Bad},
	events.Pending:         {"◌", ink.Warn},
	events.Answered:        {"◍", ink.Strong},
	events.Fallback:        {"→", ink.Warn},
	events.Completed:       {"✔", ink.Good},
	events.Skipped:         {"○", ink.Quiet},
	events.Committed:       {"◆", ink.Good},
	events.Unwinding:       {"◀", ink.Back},
	events.Compensate:      {"◁", ink.Back},
	events.Compensated:     {"↩", ink.Back},
	events.UndoFailed:      {"✖", ink.Bad},
	events.Redo:            {"◁", ink.Warn},
	events.SagaCompleted:   {"✔", ink.Good},
	events.SagaCompensated: {"↩", ink.Back},
	events.Dismissed:       {"◇", ink.Quiet},
}
