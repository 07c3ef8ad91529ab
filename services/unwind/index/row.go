package index

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
)

// What a saga may be beside what package saga knows of.
const (
	Retrying   saga.Status = "retrying"   // running, and a step waits for its next attempt
	Unreadable saga.Status = "unreadable" // its history makes no sense: every agent has put it aside
)

// Statuses are all of them, what needs attention first.
var Statuses = []saga.Status{
	Unreadable, saga.Stuck, saga.Waiting, saga.Unwinding, Retrying, saga.Running,
	saga.Rejected, saga.Compensated, saga.Completed,
}

// A Saga is what the index knows of one.
type Saga struct {
	Type     string      `json:"type"`
	ID       string      `json:"id"`
	Status   saga.Status `json:"status"`
	Began    time.Time   `json:"began"`
	Changed  time.Time   `json:"changed"`           // the time of its last event
	Deadline time.Time   `json:"deadline,omitzero"` // when it turns by itself; zero once it can't any more
	At       []Place     `json:"at"`                // where it stands; empty once it has ended
	Attempts int         `json:"attempts"`          // of all its steps
	Person   bool        `json:"person,omitempty"`  // a person must see to it
	Error    *Trouble    `json:"error,omitempty"`   // the last thing that went wrong
	Turned   *Turned     `json:"turned,omitempty"`  // why it turned
	Fate     events.Fate `json:"fate,omitempty"`    // what somebody did about work that was not done
	Events   int         `json:"events"`            // how many there are
	Seq      uint64      `json:"seq"`               // of the last one
}

// A Place is a step that is not through, and who has it: who works on it, who is to
// try next, or who is to undo it.
type Place struct {
	Step   string          `json:"step"`
	Agent  string          `json:"agent"`
	Status saga.StepStatus `json:"status"`
}

// Trouble is something that went wrong.
type Trouble struct {
	Step    string       `json:"step,omitempty"`
	Agent   string       `json:"agent,omitempty"`
	Class   events.Class `json:"class,omitempty"`
	Code    string       `json:"code,omitempty"`
	Message string       `json:"message,omitempty"` // its beginning
}

// Turned says why a saga turned. The agent is the one whose failure turned it.
type Turned struct {
	Reason events.Reason `json:"reason"`
	Trouble
}

// Failed reports whether a saga went wrong for good, and nobody has seen to it yet: it
// turned, and not because somebody wanted it to, it was rejected, it is stuck, or it
// makes no sense.
func (r Saga) Failed() bool {
	if r.Fate != "" {
		return false
	}
	switch r.Status {
	case saga.Rejected, saga.Stuck, Unreadable:
		return true
	default:
		return r.Turned != nil && r.Turned.Reason != events.ReasonCancelled
	}
}

// most is how much of a message is kept, in bytes.
const most = 240

// sagaOf says what there is to know of a history. It must not be empty.
func sagaOf(history []events.Event) Saga {
	first, last := history[0], history[len(history)-1]
	r := Saga{
		Type: first.Subject.Type, ID: first.Subject.ID, Began: first.Time, Changed: last.Time,
		At: []Place{}, Events: len(history), Seq: last.Seq,
	}
	for _, e := range history {
		var d events.Dismissal
		if e.Subject.Kind == events.Dismissed && e.Unpack(&d) == nil {
			r.Fate = cmp.Or(d.As, events.Dropped)
		}
	}
	s, err := saga.Fold(history)
	if err != nil {
		return r.unreadable(err)
	}
	r.Status = s.Status()
	for _, st := range s.Steps {
		r.Attempts += len(st.Attempts)
		status := st.Status(s)
		if status == saga.StepRetrying && r.Status == saga.Running {
			r.Status = Retrying
		}
		if agents := owing(st, status); !s.Ended() {
			for _, agent := range agents {
				r.At = append(r.At, Place{st.Name, agent, status})
			}
		}
	}
	if !s.Ended() && !s.Turned() && s.Committed == nil && r.Status != saga.Rejected {
		r.Deadline = s.Deadline
	}
	r.Person = len(client.ItemsOf(s)) > 0
	r.Error, r.Turned = troubleOf(s), turnedOf(s)
	return r
}

// unreadable marks a saga that nobody can go on with.
func (r Saga) unreadable(err error) Saga {
	r.Status, r.Person = Unreadable, true
	r.Error = &Trouble{Code: string(Unreadable), Message: short(err.Error())}
	return r
}

// owing lists who has a step that is not through.
func owing(st *saga.Step, status saga.StepStatus) (agents []string) {
	last := st.Last()
	switch status {
	case saga.StepWorking, saga.StepPending:
		return []string{last.Claim.Agent}
	case saga.StepRetrying:
		return []string{last.Successor()}
	case saga.StepHandedOver:
		return []string{last.Failure.Next}
	case saga.StepUndoing, saga.StepStuck:
		for _, u := range st.Undos {
			if u.Outstanding() {
				agents = append(agents, u.Agent)
			}
		}
		if len(agents) == 0 {
			agents = []string{last.Claim.Agent}
		}
	}
	return agents
}

// troubleOf finds what went wrong last.
func troubleOf(s *saga.State) *Trouble {
	var found *Trouble
	var at uint64
	see := func(seq uint64, t Trouble, err events.Error) {
		if seq > at {
			t.Code, t.Message = err.Code, short(err.Message)
			at, found = seq, &t
		}
	}
	for _, st := range s.Steps {
		for _, a := range st.Attempts {
			if a.Failure != nil {
				see(a.Failed.Seq, Trouble{Step: st.Name, Agent: cmp.Or(a.Failure.Agent, a.Claim.Agent), Class: a.Failure.Class}, a.Failure.Error)
			}
		}
		for _, u := range st.Undos {
			for _, f := range u.Failures {
				see(f.Seq, Trouble{Step: st.Name, Agent: u.Agent}, f.Error)
			}
		}
	}
	if s.Rejected != nil {
		see(at+1, Trouble{Step: "task", Agent: s.Rejected.Agent, Class: events.Refused}, s.Rejected.Error)
	}
	return found
}

// turnedOf says why a saga turned, and by whose failure.
func turnedOf(s *saga.State) *Turned {
	if s.Turn == nil {
		return nil
	}
	t := &Turned{Reason: s.Turn.Reason, Trouble: Trouble{Step: s.Turn.Step}}
	if s.Turn.Error != nil {
		t.Code, t.Message = s.Turn.Error.Code, short(s.Turn.Error.Message)
	}
	if st := s.Step(s.Turn.Step); st != nil {
		t.Agent = st.Last().Claim.Agent
		for _, a := range slices.Backward(st.Attempts) {
			if a.Failure != nil && a.Failed.Seq < s.Turn.Seq {
				t.Agent, t.Class = cmp.Or(a.Failure.Agent, a.Claim.Agent), a.Failure.Class
				break
			}
		}
	}
	return t
}

// short is the beginning of a text.
func short(text string) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// tooLong says of a saga what can be said without its history.
func tooLong(some []events.Event, err error) (Saga, bool) {
	if !errors.Is(err, events.ErrTooLong) {
		return Saga{}, false
	}
	last := some[len(some)-1]
	r := Saga{Type: last.Subject.Type, ID: last.Subject.ID, Began: some[0].Time, Changed: last.Time, At: []Place{}, Events: len(some), Seq: last.Seq}
	return r.unreadable(err), true
}
