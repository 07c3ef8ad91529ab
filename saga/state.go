package saga

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A State is what a history says about its saga. It is a value to be read: only
// [Fold] makes one.
type State struct {
	Type string
	ID   string

	Task      *events.Event     // the task; nil in a history that has none
	Rejected  *events.Rejection // why the task was not acceptable
	Steps     []*Step           // in the order of their first claims
	Committed *Commitment       // the pivot; nil while the saga may turn
	Turn      *Turn             // the latch; nil while the saga goes forward
	End       *End              // nil while it runs
	Dismissed *Dismissal        // nil unless a person saw to what was not done; nobody decides by it
	Deadline  time.Time         // when it turns by itself; zero where no claim says so

	Void   []events.Event // facts that came too late to count
	Length int            // how many events there are
	Seq    uint64         // of the last event
	Time   time.Time      // of the last event
}

// A Step is a role that was claimed.
type Step struct {
	Name     string
	After    []string     // the steps that it followed; empty: the task
	Attempts []Attempt    // attempt n is Attempts[n-1]
	Answers  []Answer     // what was said of it from outside
	Done     *Done        // completed or skipped
	Handed   []string     // the agents that were told that the step is theirs
	Undos    []*Undo      // in the order in which they were asked for
	strayed  *events.Done // a completion that came after the step was skipped
}

// An Attempt is one agent's try at a step.
type Attempt struct {
	N        int
	Claim    events.Claim
	Claimed  Fact
	Failure  *events.Failure // nil unless it failed
	Failed   Fact
	Wait     *events.Wait // nil unless its outcome comes later
	Waited   Fact
	finished bool // the step's completion is its outcome
	void     bool // it took over an attempt that had an outcome
	said     bool // somebody outside says that it was done
}

// Open reports whether nothing is known of the attempt's outcome.
func (a Attempt) Open() bool {
	return a.Failure == nil && a.Wait == nil && !a.finished && !a.void && !a.TakenOver()
}

// TakenOver reports whether nobody performs the attempt: its result is another
// saga's, and so is whatever is to be undone of it. Nobody waits for it either,
// should whoever takes it over die before the result is written.
func (a Attempt) TakenOver() bool { return a.Claim.Cause == events.CauseRerun }

// Void reports whether the attempt does not count. Replica A reads that an
// attempt has no outcome, B writes that it failed, settles and acknowledges, A
// claims the next one: no guard refuses that. A sees it when it reads after its
// claim, and does nothing. Nor may anybody wait for A: the message that it
// holds is gone.
func (a Attempt) Void() bool { return a.void }

// Done says how a step ended forward.
type Done struct {
	events.Done
	Fact
	Skipped bool
}

// An Undo is what is known of one agent's undoing of one step.
type Undo struct {
	Agent    string
	Order    *events.UndoOrder // nil where the agent undid without being asked
	Done     *events.Undone
	Failures []UndoFailure
	Redos    int // how often a person asked to undo again
	doneSeq  uint64
	redoSeq  uint64 // of the last redo
}

// An UndoFailure is one failed try at undoing.
type UndoFailure struct {
	events.UndoFailure
	Fact
}

// Outstanding reports whether there is something to undo: it was not undone
// yet, or a person asked again after it was.
func (u *Undo) Outstanding() bool { return u.Done == nil || u.redoSeq > u.doneSeq }

// Stuck reports whether undoing waits for a person.
func (u *Undo) Stuck() bool {
	if !u.Outstanding() || len(u.Failures) == 0 {
		return false
	}
	last := u.Failures[len(u.Failures)-1]
	return last.Then == events.ThenPerson && last.Seq > u.redoSeq
}

// Tries counts the failed tries since a person last asked for another.
func (u *Undo) Tries() int {
	n := 0
	for _, f := range u.Failures {
		if f.Seq > u.redoSeq {
			n++
		}
	}
	return n
}

// A Commitment is the pivot: from here on the saga cannot turn.
type Commitment struct {
	events.Commitment
	Fact
}

// A Turn is the latch.
type Turn struct {
	events.Turn
	Fact
}

// An End is how and when the saga ended.
type End struct {
	Fact
	Forward bool
	Result  map[string]json.RawMessage
	Refs    map[string]events.Ref // of the results on the shelf
}

// A Dismissal is that a person saw to what was not done.
type Dismissal struct {
	events.Dismissal
	Fact
}

// A Fact is where and when something was written.
type Fact struct {
	ID   string
	Seq  uint64
	Time time.Time
}

func factOf(e events.Event) Fact { return Fact{ID: e.ID, Seq: e.Seq, Time: e.Time} }

// Turned reports whether the saga only goes back.
func (s *State) Turned() bool { return s.Turn != nil }

// Ended reports whether nothing is to happen any more.
func (s *State) Ended() bool { return s.End != nil }

// Step finds a claimed step; nil if nobody claimed it.
func (s *State) Step(name string) *Step {
	for _, st := range s.Steps {
		if st.Name == name {
			return st
		}
	}
	return nil
}

// Last is the attempt that was claimed last, of those that count.
func (st *Step) Last() Attempt {
	for _, a := range slices.Backward(st.Attempts) {
		if !a.void {
			return a
		}
	}
	return st.Attempts[0] // the first one took over nothing
}

// Undo finds what is known of an agent's undoing; nil if nothing is.
func (st *Step) Undo(agent string) *Undo {
	for _, u := range st.Undos {
		if u.Agent == agent {
			return u
		}
	}
	return nil
}

// Undone reports whether an agent has undone its work on the step.
func (st *Step) Undone(agent string) bool {
	u := st.Undo(agent)
	return u != nil && u.Done != nil
}

// Working reports whether somebody is on the step, or will be: its last
// attempt has no outcome. It settles itself, because that attempt's message is
// still held or will be redelivered.
//
// A completion by another agent does not end the attempt (a late replica of
// the first agent may complete a step that was handed on): whoever runs it
// will find the slot taken, undo its own work and say so.
func (st *Step) Working() bool {
	last := st.Last()
	return last.Open() && !st.Undone(last.Claim.Agent)
}

// Owing lists the agents whose work on the step has to be undone if the saga
// turns, done or not: the one that completed it, too late or not, and each that
// may have left something. It is ordered by their first attempts.
func (st *Step) Owing() []string {
	var agents []string
	for i, a := range st.Attempts {
		owes := a.Wait != nil && a.Failure == nil ||
			a.Failure != nil && a.Failure.Left == events.LeftUnknown ||
			a.said || a.Open() && i < len(st.Attempts)-1 ||
			st.Done != nil && !st.Done.Skipped && st.Done.Agent == a.Claim.Agent ||
			st.strayed != nil && st.strayed.Agent == a.Claim.Agent
		if owes && !a.TakenOver() && !slices.Contains(agents, a.Claim.Agent) {
			agents = append(agents, a.Claim.Agent)
		}
	}
	return agents
}

// Resolved reports whether nothing of the step is left, and nobody is on it.
// It is only asked of a saga that turned.
func (st *Step) Resolved() bool {
	if st.Working() {
		return false
	}
	for _, agent := range st.Owing() {
		if !st.Undone(agent) {
			return false
		}
	}
	return true
}

// Token returns what undoing an agent's work on the step needs: the token of
// its completion, or else the one that it gave when it began to wait, or that
// an answer brought; and the attempt that it speaks of. What was done in a round
// before the agent's last one was undone when the step was handed on, and its
// token says nothing of what is to be undone now.
func (st *Step) Token(agent string) (undo json.RawMessage, attempt int) {
	if st.strayed != nil && st.strayed.Agent == agent {
		return st.strayed.Undo, st.strayed.Attempt
	}
	if st.Done != nil && st.Done.Agent == agent {
		return st.Done.Undo, st.Done.Attempt
	}
	_, begin, _ := st.rounds(agent)
	for _, a := range st.Attempts[begin:] {
		if a.Claim.Agent != agent {
			continue
		}
		attempt = a.N
		if a.Wait != nil && a.Wait.Undo != nil {
			undo = a.Wait.Undo
		}
	}
	for _, a := range st.Answers {
		if a.Undo != nil && a.Attempt > begin && a.Attempt <= len(st.Attempts) && st.Attempts[a.Attempt-1].Claim.Agent == agent {
			undo = a.Undo
		}
	}
	return undo, attempt
}

// AskedSince reports whether undoing an agent's work was asked for again after a
// sequence: what was there at that moment is undone by it. That it is said to be
// done after that proves nothing: it may have been undone before, and said later.
func (u *Undo) AskedSince(seq uint64) bool { return u.redoSeq > seq }
