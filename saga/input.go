package saga

import (
	"encoding/json"
	"slices"

	"github.com/unwind-saga/unwind/events"
)

// Input collects from the history what a step that follows the given ones may
// read: the task, and the results of all steps before it.
func (s *State) Input(after []string) events.Context {
	before := map[string]bool{}
	var visit func(names []string)
	visit = func(names []string) {
		for _, name := range names {
			if st := s.Step(name); st != nil && !before[name] {
				before[name] = true
				visit(st.After)
			}
		}
	}
	visit(after)
	in := events.Context{
		Results:  s.results(func(step string) bool { return before[step] }),
		Deadline: s.Deadline, Committed: s.Committed != nil,
	}
	if s.Task != nil {
		in.Task = s.Task.Data
	}
	return in
}

// InputFrom collects the same from the message alone: the task itself, or the
// completion of the only step that is followed. It fails when the context did
// not fit into the event, and then the history has to be read.
func InputFrom(e events.Event) (events.Context, bool) {
	if e.Subject.Kind == events.Submitted {
		return events.Context{Task: e.Data}, true
	}
	var done events.Done
	if e.Unpack(&done) != nil || done.Context == nil {
		return events.Context{}, false
	}
	in := *done.Context
	in.Results = map[string]json.RawMessage{}
	for step, result := range done.Context.Results {
		in.Results[step] = result
	}
	if e.Subject.Kind == events.Completed {
		in.Results[e.Subject.Step] = done.Result
	}
	return in, true
}

// Attach puts the context into a completion if it fits.
func Attach(done events.Done, in events.Context) events.Done {
	size := len(in.Task)
	for step, result := range in.Results {
		size += len(step) + len(result)
	}
	if size > events.MaxContext {
		done.Omitted = true
		return done
	}
	done.Context = &in
	return done
}

// EndWith puts the results into the end of a saga if they fit: an end that the
// broker finds too large would never be written. Past that, the history has
// them.
func EndWith(results map[string]json.RawMessage) events.End {
	size := 0
	for step, result := range results {
		size += len(step) + len(result)
	}
	if size > events.MaxPayload {
		return events.End{}
	}
	return events.End{Result: results}
}

// Follows reports whether a step that follows the given ones can learn all it
// needs from one message.
func (r Role) Follows(e events.Event) bool {
	switch e.Subject.Kind {
	case events.Submitted:
		return len(r.After) == 0 && !r.StandIn
	case events.Completed, events.Skipped:
		return len(r.After) == 1 && slices.Contains(r.After, e.Subject.Step)
	default:
		return false
	}
}
