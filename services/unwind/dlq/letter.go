package dlq

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A Kind says how a task came to be a dead letter.
type Kind string

// The kinds.
const (
	Rejected   Kind = "rejected"   // no agent accepted the task
	Failed     Kind = "failed"     // a step failed, and what was done is undone
	Deadline   Kind = "deadline"   // its time was up, and what was done is undone
	Unreadable Kind = "unreadable" // its history makes no sense
)

// A Letter is a task that was not done.
type Letter struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Kind    Kind            `json:"kind"`
	Step    string          `json:"step,omitempty"` // that failed
	Agent   string          `json:"agent,omitempty"`
	Code    string          `json:"code,omitempty"`
	Message string          `json:"message,omitempty"`
	Began   time.Time       `json:"began,omitzero"`
	Ended   time.Time       `json:"ended"`
	Task    json.RawMessage `json:"task,omitempty"`

	last events.Event // of its history: the cause of what sends it again
}

// Of reads a saga as a dead letter. The state is nil, and failed says why, where its
// history makes no sense. False means that it is none: it goes on, it is done, it was
// cancelled, or somebody has seen to it.
func Of(s *saga.State, history []events.Event, failed error) (Letter, bool) {
	if len(history) == 0 || dismissed(history) {
		return Letter{}, false
	}
	last := history[len(history)-1]
	l := Letter{Type: last.Subject.Type, ID: last.Subject.ID, Began: history[0].Time, Ended: last.Time, last: last}
	for _, e := range history {
		if e.Subject.Kind == events.Submitted {
			l.Task, l.Began = e.Data, e.Time
		}
	}
	switch {
	case s == nil:
		l.Kind, l.Message = Unreadable, failed.Error()
		return l, true
	case !s.Ended() || s.End.Forward || s.Turn == nil:
		return Letter{}, false
	}
	l.Ended = s.End.Time
	switch s.Turn.Reason {
	case events.ReasonRejected:
		l.Kind = Rejected
	case events.ReasonFailed:
		l.Kind = Failed
	case events.ReasonDeadline:
		l.Kind = Deadline
	default:
		return Letter{}, false
	}
	l.blame(s)
	return l, true
}

// dismissed looks at what was written, since a history that makes no sense has no
// state that could say so.
func dismissed(history []events.Event) bool {
	for _, e := range history {
		if e.Subject.Kind == events.Dismissed {
			return true
		}
	}
	return false
}

// blame says which step it was, and what went wrong there.
func (l *Letter) blame(s *saga.State) {
	if s.Rejected != nil {
		l.Agent, l.Code, l.Message = s.Rejected.Agent, s.Rejected.Error.Code, s.Rejected.Error.Message
	}
	if e := s.Turn.Error; e != nil {
		l.Code, l.Message = cmp.Or(l.Code, e.Code), cmp.Or(l.Message, e.Message)
	}
	l.Step = s.Turn.Step
	if l.Kind == Deadline {
		for _, st := range s.Steps { // where it stood when its time was up
			if st.Done == nil {
				l.Step, l.Agent = st.Name, st.Last().Claim.Agent
			}
		}
	}
	st := s.Step(l.Step)
	if st == nil {
		return
	}
	for _, a := range slices.Backward(st.Attempts) {
		if a.Failure != nil {
			l.Agent = a.Claim.Agent
			l.Code, l.Message = cmp.Or(l.Code, a.Failure.Error.Code), cmp.Or(l.Message, a.Failure.Error.Message)
			return
		}
	}
}
