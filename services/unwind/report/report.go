// Package report tells a saga to programs, as JSON whose keys are fixed: the tool
// prints it for -o json, and its server answers with it.
package report

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/owed"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

// A Saga is one saga as a whole.
type Saga struct {
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	Status    saga.Status       `json:"status"`              // empty for a history that makes no sense
	RerunOf   *events.Rerun     `json:"rerun_of,omitempty"`  // whose task it is
	Dismissed *events.Dismissal `json:"dismissed,omitempty"` // what somebody did about work that was not done

	Steps  []Step  `json:"steps"`
	Events []Event `json:"events"`

	// What [Saga.Tell] knows.
	Says       string        `json:"says,omitempty"`        // how it ended or what it waits for, in words
	WaitingFor []owed.Report `json:"waiting_for,omitempty"` // nothing of a saga that has ended
}

// A Step is how one of its steps stands.
type Step struct {
	Step      string          `json:"step"`
	Agent     string          `json:"agent"` // who has it, or had it last
	Status    saga.StepStatus `json:"status"`
	Attempts  int             `json:"attempts"`
	After     []string        `json:"after"`
	Error     *events.Error   `json:"error"`
	Result    json.RawMessage `json:"result"`
	ResultRef *events.Ref     `json:"result_ref,omitempty"` // instead of a large result: `saga result` reads it
}

// An Event is one event, of whatever saga.
type Event struct {
	Seq     uint64          `json:"seq"`
	Time    time.Time       `json:"time"`
	Subject string          `json:"subject"`
	Event   string          `json:"event"` // with its qualifier: failed-2
	Step    string          `json:"step"`  // or task, or saga
	Agent   string          `json:"agent"`
	Data    json.RawMessage `json:"data"`
}

// Of tells a saga. The state is nil for a history that makes no sense.
func Of(typ, id string, history []events.Event, s *saga.State) Saga {
	r := Saga{Type: typ, ID: id, Steps: []Step{}, Events: []Event{}}
	for _, e := range history {
		r.Events = append(r.Events, EventOf(e))
	}
	if s == nil {
		return r
	}
	r.Status = s.Status()
	if s.Task != nil {
		r.RerunOf = s.Task.Rerun
	}
	if s.Dismissed != nil {
		r.Dismissed = &s.Dismissed.Dismissal
	}
	for _, st := range s.Steps {
		step := Step{
			Step: st.Name, Agent: timeline.Agent(st), Status: st.Status(s),
			Attempts: len(st.Attempts), After: st.After, Error: timeline.Trouble(st),
		}
		if step.After == nil {
			step.After = []string{}
		}
		if st.Done != nil {
			step.Result, step.ResultRef = st.Done.Result, st.Done.ResultRef
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

// Tell adds what the saga waits for, and who owes it, as far as it is known who is
// there.
func (r *Saga) Tell(s *saga.State, history []events.Event, p owed.Presence, t ink.Times) {
	r.Says = timeline.VerdictOf(s, history, p, t)
	r.WaitingFor = owed.Reports(s, owed.Of(s, history, p), p, t)
}

// EventOf tells an event.
func EventOf(e events.Event) Event {
	subject := e.Subject.String()
	r := Event{
		Seq: e.Seq, Time: e.Time, Subject: subject, Event: e.Subject.Event(),
		Step: strings.Split(subject, ".")[2], Agent: e.Subject.Agent, Data: e.Data,
	}
	var told struct{ Agent string }
	if r.Agent == "" && json.Unmarshal(e.Data, &told) == nil && e.Subject.Kind != events.Submitted {
		r.Agent = told.Agent
	}
	if !json.Valid(e.Data) {
		r.Data, _ = json.Marshal(string(e.Data)) // a string always can be
	}
	return r
}
