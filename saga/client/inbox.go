package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A Need says why a person must see to something.
type Need string

// What a person may be needed for.
const (
	NeedAnswer Need = "answer"     // an agent asks a question
	NeedStep   Need = "step"       // a step failed after the pivot: there is no way back
	NeedUndo   Need = "undo"       // an agent could not undo its work
	NeedMend   Need = "unreadable" // the history makes no sense
)

// An Item is one thing that waits for a person.
type Item struct {
	Type  string    `json:"type"`
	ID    string    `json:"id"`
	Step  string    `json:"step,omitempty"`
	Agent string    `json:"agent,omitempty"` // who asks, who failed, or who could not undo
	Need  Need      `json:"need"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // when it is decided without a person; zero: never
	// Then is what happens at Until, or what it means that it never does.
	Then string `json:"then,omitempty"`

	Attempt  int                        `json:"attempt,omitempty"`
	Question string                     `json:"question,omitempty"`
	WaitsFor string                     `json:"waits_for,omitempty"`
	Task     json.RawMessage            `json:"task,omitempty"`
	Results  map[string]json.RawMessage `json:"results,omitempty"` // of the steps that are done
	Large    map[string]events.Ref      `json:"large,omitempty"`   // likewise, of those whose results do not travel
	Tries    []Try                      `json:"tries"`             // what was tried, the first first
	Answers  []Said                     `json:"answers,omitempty"` // what was said of it before
	Agents   []string                   `json:"agents,omitempty"`  // who can be asked to try again
	Undoes   []string                   `json:"undoes,omitempty"`  // what a refusal undoes, the last step first
	Pivot    string                     `json:"pivot,omitempty"`   // the step after which there is no way back
	Undo     json.RawMessage            `json:"undo,omitempty"`    // undo: what undoing needs
	Key      string                     `json:"key,omitempty"`     // undo: under which the work is known at its provider
	Reason   string                     `json:"reason,omitempty"`  // undo: why the saga turned
	Error    string                     `json:"error,omitempty"`   // unreadable: why
}

// A Try is an attempt that failed, or a failed try at undoing.
type Try struct {
	Agent    string        `json:"agent"`
	Instance string        `json:"instance,omitempty"`
	N        int           `json:"n"`
	Began    time.Time     `json:"began,omitzero"`
	Ended    time.Time     `json:"ended,omitzero"`
	Class    events.Class  `json:"class,omitempty"`
	Error    *events.Error `json:"error,omitempty"` // nil: nobody knows what became of it
	Left     events.Left   `json:"left,omitempty"`
}

// A Said is an answer that was given before.
type Said struct {
	Time time.Time `json:"time"`
	events.Answer
}

// Inbox lists everything that waits for a person, the most urgent first: what is
// decided without one soonest, then what has waited longest. Without types, it
// looks at all.
//
// It needs no index: it reads each type's stream once, from its first event to
// its last, and then the histories of those sagas that somebody gave up or asked
// about and that have not ended. Who has an index asks it where to look, and then
// calls [Ask].
func Inbox(ctx context.Context, log events.Log, types ...string) ([]Item, error) {
	if len(types) == 0 {
		var err error
		if types, err = log.Types(ctx); err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
	}
	var suspected []Suspect
	for _, typ := range types {
		attempt := fmt.Sprintf("read the inbox of saga type %q", typ)
		if err := events.ValidName("saga type", typ); err != nil {
			return nil, fmt.Errorf("%s: %w", attempt, err)
		}
		ids, err := suspects(ctx, log, typ)
		switch {
		case errors.Is(err, events.ErrNoType):
			return nil, noType(ctx, log, attempt)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", attempt, err)
		}
		for _, id := range ids {
			suspected = append(suspected, Suspect{typ, id})
		}
	}
	return Ask(ctx, log, suspected)
}

// A Suspect is a saga in which a person may be needed.
type Suspect struct{ Type, ID string }

// atOnce is how many histories are read side by side.
const atOnce = 8

// Ask reads the sagas that are suspected, and lists what waits for a person in
// them, as [Inbox] does. It is for who knows from an index where to look.
func Ask(ctx context.Context, log events.Log, suspected []Suspect) ([]Item, error) {
	found, errs := make([][]Item, len(suspected)), make([]error, len(suspected))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var reading sync.WaitGroup
	for reader := range min(atOnce, len(suspected)) {
		reading.Go(func() {
			for i := reader; i < len(suspected) && ctx.Err() == nil; i += atOnce {
				found[i], errs[i] = Items(ctx, log, suspected[i].Type, suspected[i].ID)
				switch {
				case errors.Is(errs[i], ErrNoSaga):
					errs[i] = nil // it has been archived since
				case errs[i] != nil:
					cancel() // the others would only say that they were stopped
				}
			}
		})
	}
	reading.Wait()
	for i, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("read the inbox of saga type %q: %w", suspected[i].Type, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("read the inbox: %w", err)
	}
	items := []Item{}
	for _, some := range found {
		items = append(items, some...)
	}
	slices.SortStableFunc(items, urgency)
	return items, nil
}

func urgency(a, b Item) int {
	switch {
	case a.Until.IsZero() && !b.Until.IsZero():
		return 1
	case !a.Until.IsZero() && b.Until.IsZero():
		return -1
	default:
		return cmp.Or(a.Until.Compare(b.Until), a.Since.Compare(b.Since))
	}
}

// suspects lists the sagas in which a person may be needed. A saga that ended is
// none, unless something of it was to be undone after its end and was not.
func suspects(ctx context.Context, log events.Log, typ string) ([]string, error) {
	marked := map[string]uint64{}
	err := log.Scan(ctx, typ, func(e events.Event) error {
		id := e.Subject.ID
		switch e.Subject.Kind {
		case events.SagaCompleted, events.SagaCompensated:
			delete(marked, id)
			return nil
		case events.Pending:
			var w events.Wait
			if e.Unpack(&w) == nil && !w.Person {
				return nil
			}
		case events.Failed:
			var f events.Failure
			if e.Unpack(&f) == nil && (f.Then == events.ThenRetry || f.Then == events.ThenFallback) {
				return nil
			}
		case events.UndoFailed:
			var f events.UndoFailure
			if e.Unpack(&f) == nil && f.Then != events.ThenPerson {
				return nil
			}
		default:
			return nil
		}
		if _, ok := marked[id]; !ok {
			marked[id] = e.Seq
		}
		return nil
	})
	ids := slices.SortedFunc(maps.Keys(marked), func(a, b string) int { return cmp.Compare(marked[a], marked[b]) })
	return ids, err
}

// Items lists what waits for a person in one saga. Of a history that makes no
// sense there is one item that says so.
func Items(ctx context.Context, log events.Log, typ, id string) ([]Item, error) {
	s, history, err := Load(ctx, log, typ, id, 0)
	if s == nil && len(history) > 0 && err != nil {
		last := history[len(history)-1]
		return []Item{{Type: typ, ID: id, Need: NeedMend, Since: last.Time, Then: "every agent has put the saga aside", Error: err.Error(), Tries: []Try{}}}, nil
	}
	if err != nil {
		return nil, err
	}
	return ItemsOf(s), nil
}

// ItemsOf lists what waits for a person in a saga that was read.
func ItemsOf(s *saga.State) []Item {
	var items []Item
	for _, st := range s.Steps {
		switch {
		case s.Stranded(st):
			items = append(items, stranded(s, st))
		case s.Waits(st) && st.Last().Wait.Person:
			items = append(items, question(s, st))
		}
		for _, u := range st.Undos {
			if u.Stuck() {
				items = append(items, undoing(s, st, u))
			}
		}
	}
	return items
}

func about(s *saga.State, st *saga.Step) Item {
	i := Item{Type: s.Type, ID: s.ID, Step: st.Name, Results: map[string]json.RawMessage{}, Tries: []Try{}}
	if s.Task != nil {
		i.Task = s.Task.Data
	}
	if s.Committed != nil {
		i.Pivot = s.Committed.Step
	}
	for _, other := range s.Steps {
		switch done := other.Done; {
		case done == nil || done.Skipped:
		case done.ResultRef != nil:
			if i.Large == nil {
				i.Large = map[string]events.Ref{}
			}
			i.Large[other.Name] = *done.ResultRef
		default:
			i.Results[other.Name] = done.Result
		}
	}
	for _, a := range st.Answers {
		i.Answers = append(i.Answers, Said{a.Time, a.Answer})
	}
	return i
}

// forward tells what both kinds of steps that wait for a person have in common.
func forward(s *saga.State, st *saga.Step) Item {
	i := about(s, st)
	last := st.Last()
	i.Agent, i.Attempt, i.Agents = last.Claim.Agent, last.N, st.Agents()
	i.Tries = tries(st)
	if s.Committed == nil {
		for _, other := range slices.Backward(s.Steps) {
			if other != st && len(other.Owing()) > 0 {
				i.Undoes = append(i.Undoes, other.Name)
			}
		}
	}
	return i
}

func question(s *saga.State, st *saga.Step) Item {
	i := forward(s, st)
	last := st.Last()
	i.Need, i.Since, i.Question, i.WaitsFor = NeedAnswer, last.Waited.Time, last.Wait.Question, last.Wait.WaitsFor
	if last.Wait.Within > 0 {
		i.Until = last.Waited.Time.Add(time.Duration(last.Wait.Within))
		i.Then = fmt.Sprintf("%s gives it up, and the next agent in the chain is asked, or the saga turns back", i.Agent)
	}
	deadline := s.Committed == nil && !s.Deadline.IsZero()
	switch {
	case deadline && (i.Until.IsZero() || s.Deadline.Before(i.Until)):
		i.Until, i.Then = s.Deadline, "the saga's time is up: it turns back"
	case i.Until.IsZero():
		i.Then = "it waits for ever"
	case s.Committed != nil:
		i.Then = fmt.Sprintf("%s gives it up, and the next agent in the chain is asked, or a person again", i.Agent)
	}
	return i
}

func stranded(s *saga.State, st *saga.Step) Item {
	i := forward(s, st)
	i.Need, i.Since = NeedStep, st.Last().Failed.Time
	i.Then = "it waits for ever: the pivot is done, and no deadline turns the saga"
	return i
}

func undoing(s *saga.State, st *saga.Step, u *saga.Undo) Item {
	i := about(s, st)
	i.Need, i.Agent, i.Agents = NeedUndo, u.Agent, []string{u.Agent}
	i.Since = u.Failures[len(u.Failures)-1].Time
	i.Then = "it waits for ever, and so does the undoing of what was done before it"
	i.Undo, i.Attempt = st.Token(u.Agent)
	i.Key = saga.RoundKey(saga.Key(s.Type, s.ID, st.Name, u.Agent), st.Round(u.Agent))
	if s.Turn != nil {
		i.Reason = string(s.Turn.Reason)
		if s.Turn.Step != "" {
			i.Reason += " at step " + s.Turn.Step
		}
		if s.Turn.Error != nil {
			i.Reason += ": " + cmp.Or(s.Turn.Error.Message, s.Turn.Error.Code)
		}
	}
	for n, f := range u.Failures {
		i.Tries = append(i.Tries, Try{Agent: u.Agent, N: n + 1, Ended: f.Time, Error: &f.Error})
	}
	return i
}

// tries lists the attempts that came to nothing.
func tries(st *saga.Step) []Try {
	list := []Try{}
	for _, a := range st.Attempts {
		if a.Void() || a.Waiting() && a.N == st.Last().N {
			continue
		}
		t := Try{Agent: a.Claim.Agent, Instance: a.Claim.Instance, N: a.N, Began: a.Claimed.Time}
		if a.Failure != nil {
			t.Ended, t.Class, t.Error, t.Left = a.Failed.Time, a.Failure.Class, &a.Failure.Error, a.Failure.Left
		}
		list = append(list, t)
	}
	return list
}
