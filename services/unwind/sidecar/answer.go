package sidecar

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// An Outcome is what a program says came of a call.
type Outcome string

// The outcomes.
const (
	Completed   Outcome = "completed"   // done; when undoing: undone
	Refused     Outcome = "refused"     // the task is not acceptable: the saga turns
	Retry       Outcome = "retry"       // it may work later, after retry_after
	Unavailable Outcome = "unavailable" // this agent can't: the next one in the chain may
	Pending     Outcome = "pending"     // the outcome comes later, from outside
	Unknown     Outcome = "unknown"     // it may have happened
	Dead        Outcome = "dead"        // this key was compensated: it has left nothing
	Nothing     Outcome = "nothing"     // when undoing: there was nothing to undo
)

// known reports whether an outcome is one of them.
func (o Outcome) known() bool {
	switch o {
	case Completed, Refused, Retry, Unavailable, Pending, Unknown, Dead, Nothing:
		return true
	}
	return false
}

// An answer is what a program answers.
type answer struct {
	Outcome Outcome         `json:"outcome"`
	Data    json.RawMessage `json:"data"`
	Undo    json.RawMessage `json:"undo"`
	Error   trouble         `json:"error"`
	Pending pending         `json:"pending"`
}

type trouble struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	RetryAfter pause  `json:"retry_after"`
}

type pending struct {
	For      string `json:"for"`
	Person   bool   `json:"person"`
	Question string `json:"question"`
	Within   pause  `json:"within"`
}

// A pause is a number of seconds, or a duration with its unit.
type pause time.Duration

func (p *pause) UnmarshalJSON(text []byte) error {
	var seconds float64
	if json.Unmarshal(text, &seconds) == nil {
		if seconds < 0 || seconds > (365*24*time.Hour).Seconds() {
			return fmt.Errorf("%s seconds: want 0 to a year", text)
		}
		*p = pause(seconds * float64(time.Second))
		return nil
	}
	var word string
	if err := json.Unmarshal(text, &word); err != nil {
		return fmt.Errorf("%s: want seconds, or a duration such as \"1m30s\"", text)
	}
	d, err := time.ParseDuration(word)
	if err != nil || d < 0 {
		return fmt.Errorf("%q: want seconds, or a duration such as \"1m30s\"", word)
	}
	*p = pause(d)
	return nil
}

// enveloped reports whether a text is an answer with an outcome, and reads it.
func enveloped(text []byte) (a answer, ok bool, err error) {
	var outcome struct {
		Outcome *Outcome `json:"outcome"`
	}
	if !utf8.Valid(text) || json.Unmarshal(text, &outcome) != nil || outcome.Outcome == nil {
		return a, false, nil
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, true, bad(text, "%w", err)
	}
	return a, true, nil
}

// read reads what a program answered that says it did its work.
func read(text []byte) (answer, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return answer{Outcome: Completed}, nil
	}
	a, ok, err := enveloped(text)
	switch {
	case err != nil, ok:
		return a, err
	case !utf8.Valid(text):
		return a, bad(text, "it is no UTF-8")
	case !json.Valid(text):
		return a, bad(text, "it is no JSON")
	default:
		return answer{Outcome: Completed, Data: text}, nil
	}
}

// bad says that nobody can make sense of an answer. What it speaks of may be done.
func bad(text []byte, format string, args ...any) error {
	return &agent.Failure{Class: events.Unknown, Code: "bad_answer", Err: fmt.Errorf("the program's answer: "+format, args...), Raw: text}
}

// result is the answer to a call to perform a step.
func (a answer) result(text []byte) (agent.Result, error) {
	switch a.Outcome {
	case Completed:
		return agent.Result{Data: value(a.Data), Undo: value(a.Undo)}, nil
	case Pending:
		return agent.Result{Undo: value(a.Undo), Pending: &agent.Pending{
			For: short(cmp.Or(a.Pending.For, "the program's outcome"), longestReason), Person: a.Pending.Person,
			Question: short(a.Pending.Question, longestQuestion),
			Within:   time.Duration(a.Pending.Within),
		}}, nil
	default:
		return agent.Result{}, a.failure(text)
	}
}

// undone is the answer to a call to undo one.
func (a answer) undone(text []byte) error {
	switch a.Outcome {
	case Completed:
		return nil
	case Nothing:
		return agent.ErrNothingFound
	default:
		return a.failure(text)
	}
}

// value is nil where nothing was said.
func value(raw json.RawMessage) any {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}

func (a answer) failure(text []byte) error {
	f := &agent.Failure{Code: short(a.Error.Code, longestCode), RetryAfter: time.Duration(a.Error.RetryAfter)}
	if a.Error.Message != "" {
		f.Err = errors.New(a.Error.Message)
	}
	switch a.Outcome {
	case Refused:
		f.Class = events.Refused
	case Retry:
		f.Class = events.Transient
	case Unavailable:
		f.Class = events.Unavailable
	case Unknown:
		f.Class = events.Unknown
	case Dead:
		return agent.ErrDead
	default:
		return bad(text, "outcome %q: want completed, refused, retry, unavailable, pending, unknown or dead; when undoing, completed, nothing or retry", a.Outcome)
	}
	return f
}

// So much of a program's words is written to the history. An event that the broker finds
// too large would be tried for ever.
const (
	longestCode     = 64
	longestReason   = 1 << 10
	longestQuestion = 8 << 10
)

// short is the beginning of a text.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
