package doctor

import "fmt"

// A Level says how much a finding matters.
type Level string

// The levels.
const (
	Well    Level = "ok"
	Note    Level = "note"    // it could not be found out, or is worth knowing
	Warning Level = "warning" // sagas go on, but not as well, or not for ever
	Bad     Level = "error"   // sagas stand still, or events are not safe
)

// A Finding is what came of one check.
type Finding struct {
	Check string `json:"check"` // a fixed word: connection, clock, streams, ...
	Saga  string `json:"saga,omitempty"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// A finder makes findings of one check.
type finder struct {
	check, saga string
	tell        func(Finding) error
}

func (f finder) find(l Level, hint, format string, args ...any) error {
	return f.tell(Finding{f.check, f.saga, l, fmt.Sprintf(format, args...), hint})
}
