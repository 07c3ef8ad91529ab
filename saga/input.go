package saga

import (
	"maps"
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
	in := s.results(func(step string) bool { return before[step] })
	in.Deadline, in.Committed = s.Deadline, s.Committed != nil
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
	if e.Subject.Kind == events.Completed {
		return After(*done.Context, e.Subject.Step, done), true
	}
	return *done.Context, true
}

// After adds what a completed step answered to what it could read: that is what
// may be read after it.
func After(in events.Context, step string, done events.Done) events.Context {
	if done.ResultRef != nil {
		in.Refs = with(in.Refs, step, *done.ResultRef)
	} else {
		in.Results = with(in.Results, step, done.Result)
	}
	return in
}

// with adds to a copy.
func with[V any](m map[string]V, key string, v V) map[string]V {
	if m = maps.Clone(m); m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// Attach puts the context into a completion if it fits.
func Attach(done events.Done, in events.Context) events.Done {
	if len(in.Task)+sizeOf(in) > events.MaxContext {
		done.Omitted = true
		return done
	}
	done.Context = &in
	return done
}

// EndWith puts what all steps answered into the end of a saga if it fits: an end
// that the broker finds too large would never be written. Past that, the
// history has it.
func EndWith(all events.Context) events.End {
	if sizeOf(all) > events.MaxPayload {
		return events.End{}
	}
	return events.End{Result: all.Results, Refs: all.Refs}
}

// refSize is what a reference takes on the wire, and a little more.
const refSize = 128

// sizeOf is what results and references take in an event.
func sizeOf(in events.Context) (size int) {
	for step, result := range in.Results {
		size += len(step) + len(result)
	}
	for step := range in.Refs {
		size += len(step) + refSize
	}
	return size
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
