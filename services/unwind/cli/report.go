package cli

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

// A report is what `saga show -o json` prints. Its keys are fixed.
type report struct {
	Type   string        `json:"type"`
	ID     string        `json:"id"`
	Status saga.Status   `json:"status"` // empty for a history that makes no sense
	Steps  []stepReport  `json:"steps"`
	Events []eventReport `json:"events"`
}

type stepReport struct {
	Step      string          `json:"step"`
	Agent     string          `json:"agent"` // who has it, or had it last
	Status    saga.StepStatus `json:"status"`
	Attempts  int             `json:"attempts"`
	After     []string        `json:"after"`
	Error     *events.Error   `json:"error"`
	Result    json.RawMessage `json:"result"`
	ResultRef *events.Ref     `json:"result_ref,omitempty"` // instead of a large result: `saga result` reads it
}

type eventReport struct {
	Seq     uint64          `json:"seq"`
	Time    time.Time       `json:"time"`
	Subject string          `json:"subject"`
	Event   string          `json:"event"` // with its qualifier: failed-2
	Step    string          `json:"step"`  // or task, or saga
	Agent   string          `json:"agent"`
	Data    json.RawMessage `json:"data"`
}

// reportOf reads a state; it may be nil.
func reportOf(typ, id string, history []events.Event, s *saga.State) report {
	r := report{Type: typ, ID: id, Steps: []stepReport{}, Events: []eventReport{}}
	for _, e := range history {
		r.Events = append(r.Events, eventReportOf(e))
	}
	if s == nil {
		return r
	}
	r.Status = s.Status()
	for _, st := range s.Steps {
		step := stepReport{
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

func eventReportOf(e events.Event) eventReport {
	subject := e.Subject.String()
	r := eventReport{
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
