package timeline

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// narrow is the width below which the agent has no column of its own.
const narrow = 110

// Steps is a table of the steps: who has it, how it stands, and why.
func Steps(s *saga.State, o Options) []string {
	t := ink.Table{Head: []string{"step", "agent", "status", "attempts", "after", "remarks"}}
	for _, st := range s.Steps {
		status, agent, remarks := st.Status(s), Agent(st), remark(s, st)
		shown := agent
		switch {
		case agent == st.Name:
			shown = ""
		case o.columns() < narrow:
			shown, remarks = "", strings.TrimSuffix("by "+agent+" · "+remarks, " · ")
		}
		t.Row(
			ink.Cell{Text: st.Name, Name: agent},
			ink.Cell{Text: shown, Name: agent},
			ink.Cell{Text: string(status), Tone: toneOfStep(status)},
			ink.Cell{Text: strconv.Itoa(len(st.Attempts))},
			ink.Cell{Text: cmp.Or(strings.Join(st.After, ", "), "the task")},
			ink.Cell{Text: ink.Clean(remarks), Tone: ink.Quiet},
		)
	}
	return t.Lines(o.Ink, o.columns())
}

// Agent is who has a step now, or had it last: the agent that completed it, or
// else the one of the last attempt.
func Agent(st *saga.Step) string {
	if st.Done != nil {
		return st.Done.Agent
	}
	return st.Last().Claim.Agent
}

// Trouble is the last error of a step: of its undoing if that is what it is
// about now, or else of its last attempt. It is nil for a step that did, in
// the end, what was asked of it.
func Trouble(st *saga.Step) *events.Error {
	for _, u := range st.Undos {
		if n := len(u.Failures); n > 0 && u.Outstanding() {
			return &u.Failures[n-1].Error
		}
	}
	if last := st.Last(); st.Done == nil && last.Failure != nil {
		return &last.Failure.Error
	}
	return nil
}

func remark(s *saga.State, st *saga.Step) string {
	var parts []string
	if s.Committed != nil && s.Committed.Step == st.Name {
		parts = append(parts, "the pivot")
	}
	if last := st.Last(); s.Waits(st) {
		parts = append(parts, asks(last.Wait))
	}
	if err := Trouble(st); err != nil {
		parts = append(parts, cmp.Or(err.Message, err.Code))
	}
	for _, u := range st.Undos {
		if u.Done == nil {
			continue
		}
		text := "undone"
		if u.Done.Found == events.FoundNothing {
			text = "nothing to undo"
		}
		if u.Agent != Agent(st) {
			text += " for " + u.Agent
		}
		if u.Done.Reason != "" {
			text += fmt.Sprintf(" by hand, by %s: %s", u.Done.By, u.Done.Reason)
		}
		if n := len(u.Failures); n > 0 {
			text += fmt.Sprintf(" after %d failed", n)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · ")
}

// asks says what a step waits for, outside.
func asks(w *events.Wait) string {
	switch {
	case w.Person && w.Question != "":
		return "asks a person: " + w.Question
	case w.Person:
		return "waits for a person: " + w.WaitsFor
	default:
		return "waits for " + w.WaitsFor
	}
}

func toneOfStep(s saga.StepStatus) ink.Tone {
	switch s {
	case saga.StepCompleted:
		return ink.Good
	case saga.StepFailed, saga.StepStuck:
		return ink.Bad
	case saga.StepUndoing, saga.StepCompensated:
		return ink.Back
	case saga.StepRetrying, saga.StepPending, saga.StepHandedOver:
		return ink.Warn
	case saga.StepSkipped:
		return ink.Quiet
	default:
		return ink.Busy
	}
}
