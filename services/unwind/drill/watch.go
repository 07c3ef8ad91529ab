package drill

import (
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
)

// A Fate is what became of one saga, as its history tells.
type Fate struct {
	Status   saga.Status
	Person   bool      // it waited for one
	Begun    time.Time // when the task was submitted
	Troubled time.Time // the first failure or crash; zero: none
	Ended    time.Time // zero: it did not
}

// recovery is how long a saga took from its first trouble to its end. What a
// person had to mend did not recover.
func (f Fate) recovery() (time.Duration, bool) {
	if f.Troubled.IsZero() || f.Ended.IsZero() || f.Person {
		return 0, false
	}
	return f.Ended.Sub(f.Troubled), true
}

// A watch sees the events of all sagas of a drill and keeps the histories of
// those that run.
type watch struct {
	running map[string]*running
	fates   map[string]Fate
	over    func([]events.Event, *saga.State)
}

type running struct {
	history []events.Event
	stuck   bool // some undoing was given up
	Fate
}

func newWatch(over func([]events.Event, *saga.State)) *watch {
	return &watch{map[string]*running{}, map[string]Fate{}, over}
}

// An order to mend: this agent is to undo its step again.
type mend struct{ id, step, agent string }

// see takes the next event. It says whether the saga has ended by it, and what
// a person has to see to.
func (w *watch) see(e events.Event) (ended bool, mends []mend, err error) {
	id := e.Subject.ID
	if _, over := w.fates[id]; over {
		return false, nil, nil // a late one
	}
	r := w.running[id]
	if r == nil {
		r = &running{Fate: Fate{Begun: e.Time}}
		w.running[id] = r
	}
	if e.Subject.Kind == events.Submitted {
		e.Data = nil // there may be ten thousand of them
	}
	r.history = append(r.history, e)
	last := e.Subject.Kind == events.SagaCompleted || e.Subject.Kind == events.SagaCompensated
	if e.Subject.Kind == events.UndoFailed {
		r.stuck = true // or not yet: the state will tell
	}
	if !last && !r.stuck {
		return false, nil, nil
	}
	s, err := saga.Fold(r.history)
	if err != nil {
		return false, nil, err
	}
	if s.Ended() {
		r.Status, r.Ended, r.Troubled = s.Status(), s.End.Time, trouble(s)
		w.fates[id] = r.Fate
		delete(w.running, id)
		w.over(r.history, s)
		return true, nil, nil
	}
	if s.Status() != saga.Stuck || !client.AtRest(s) {
		return false, nil, nil
	}
	r.Person = true
	for _, st := range s.Steps {
		for _, u := range st.Undos {
			if u.Stuck() {
				mends = append(mends, mend{id, st.Name, u.Agent})
			}
		}
	}
	return false, mends, nil
}

// trouble is when something first went wrong. Nobody writes when a process dies;
// what it had claimed last counts from its claim.
func trouble(s *saga.State) time.Time {
	var times []time.Time
	if s.Turned() {
		times = append(times, s.Turn.Time)
	}
	for _, st := range s.Steps {
		for i, a := range st.Attempts {
			if a.Failure != nil {
				times = append(times, a.Failed.Time)
			}
			if a.Claim.Cause == events.CauseTakeover && i > 0 {
				times = append(times, st.Attempts[i-1].Claimed.Time)
			}
		}
	}
	if len(times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(times, time.Time.Compare)
}
