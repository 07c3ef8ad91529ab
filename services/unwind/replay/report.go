package replay

import (
	"time"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/owed"
	"github.com/unwind-saga/unwind/services/unwind/report"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

// A Report is a point for a program. Its keys are fixed.
type Report struct {
	Type       string        `json:"type"`
	ID         string        `json:"id"`
	Step       int           `json:"step"` // how many events there were, from 0
	Of         int           `json:"of"`   // how many there are on the tape
	Seq        uint64        `json:"seq"`
	Time       time.Time     `json:"time,omitzero"`
	Event      *report.Event `json:"event"` // the last of them; null before the first
	Late       bool          `json:"late"`  // it came too late to count
	Status     saga.Status   `json:"status"`
	Error      string        `json:"error,omitempty"` // why the history makes no sense up to here
	Says       string        `json:"says,omitempty"`  // what the saga waited for then, or how it had ended
	Steps      []report.Step `json:"steps"`
	WaitingFor []owed.Report `json:"waiting_for"`
	Moves      []MoveReport  `json:"moves"`
}

// A MoveReport is what the rules asked for, and what came of it.
type MoveReport struct {
	By    string    `json:"by"`              // empty: any agent of the type
	Write string    `json:"write,omitempty"` // the subject of an event
	Set   string    `json:"set,omitempty"`   // or of a timer
	Due   time.Time `json:"due,omitzero"`
	Clear bool      `json:"clear,omitempty"` // what the agent may have left is undone before that
	Met   uint64    `json:"met,omitempty"`   // the sequence of the event that answered it
}

// Reports tells points to a program: an object for each.
func Reports(t *Tape, points ...Point) []Report {
	list := []Report{}
	for _, p := range points {
		of := t.history[0].Subject
		r := Report{Type: of.Type, ID: of.ID, Step: p.N, Of: t.Len(), Late: p.Late, Steps: []report.Step{}, WaitingFor: []owed.Report{}, Moves: []MoveReport{}}
		if p.Event != nil {
			e := report.EventOf(*p.Event)
			r.Event, r.Seq, r.Time = &e, p.Event.Seq, p.Event.Time
		}
		switch {
		case p.Err != nil:
			r.Error = p.Err.Error()
		case p.N > 0:
			times := ink.Times{Now: p.Time()}
			whole := report.Of(r.Type, r.ID, nil, p.State)
			r.Status, r.Steps = whole.Status, whole.Steps
			r.Says = timeline.VerdictOf(p.State, t.history[:p.N], owed.Presence{}, times)
			r.WaitingFor = owed.Reports(p.State, p.Debts, owed.Presence{}, times)
		}
		for _, m := range p.Moves {
			r.Moves = append(r.Moves, m.report())
		}
		list = append(list, r)
	}
	return list
}

func (m Move) report() MoveReport {
	r := MoveReport{By: m.By, Clear: m.Clear}
	if m.Write != nil {
		r.Write = m.Write.Subject.String()
	} else {
		r.Set, r.Due = m.Set.Set(), m.Set.Due
	}
	if m.Met != nil {
		r.Met = m.Met.Seq
	}
	return r
}
