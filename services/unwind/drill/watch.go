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
	look    bool // something failed, or waits: a person may be needed
	asked   map[mend]bool
	Fate
}

func newWatch(over func([]events.Event, *saga.State)) *watch {
	return &watch{map[string]*running{}, map[string]Fate{}, over}
}

// A mend is what a person has to see to: an agent that has given up undoing its
// step and is to try again, or, with a k, a step that is a person's and is handed
// back to an agent by the kth answer.
type mend struct {
	id, step, agent string
	k               int
}

// see takes the next event. It says whether the saga has ended by it, and what
// a person has to see to.
func (w *watch) see(e events.Event) (ended bool, mends []mend, err error) {
	id := e.Subject.ID
	if _, over := w.fates[id]; over {
		return false, nil, nil // a late one
	}
	r := w.running[id]
	if r == nil {
		r = &running{Fate: Fate{Begun: e.Time}, asked: map[mend]bool{}}
		w.running[id] = r
	}
	if e.Subject.Kind == events.Submitted {
		e.Data = nil // there may be ten thousand of them
	}
	r.history = append(r.history, e)
	last := e.Subject.Kind == events.SagaCompleted || e.Subject.Kind == events.SagaCompensated
	switch e.Subject.Kind {
	case events.Failed, events.Pending, events.UndoFailed:
		r.look = true
	}
	if !last && !r.look {
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
	for _, m := range owed(s) {
		if !r.asked[m] {
			r.asked[m], r.Person = true, true
			mends = append(mends, m)
		}
	}
	return false, mends, nil
}

// owed is what a person has to see to before the saga goes on.
func owed(s *saga.State) (mends []mend) {
	stuck := s.Status() == saga.Stuck && client.AtRest(s)
	for _, st := range s.Steps {
		last := st.Last()
		if s.Stranded(st) || s.Waits(st) && last.Wait != nil && last.Wait.Person {
			mends = append(mends, mend{s.ID, st.Name, st.Attempts[0].Claim.Agent, s.NextAnswer(st.Name)})
		}
		for _, u := range st.Undos {
			if stuck && u.Stuck() {
				mends = append(mends, mend{id: s.ID, step: st.Name, agent: u.Agent, k: -u.Redos})
			}
		}
	}
	return mends
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
