package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
)

// A Verdict compares what came of a call now with what came of it then.
type Verdict string

// The verdicts.
const (
	Same       Verdict = "same"
	Differs    Verdict = "differs"    // something else came of it, which is no failure
	Fails      Verdict = "fails"      // it worked then
	Mended     Verdict = "mended"     // it failed then
	Uncompared Verdict = "uncompared" // nobody knows what came of it then
)

// A Trial is a call that was made again.
type Trial struct {
	Call    Call
	Now     Was
	Verdict Verdict
	Changes []Change // of a result
	Took    time.Duration
}

// Try makes a call again, and compares. The error is the context's.
func Try(ctx context.Context, r *agent.Rehearsal, c Call, ignore Ignoring) (Trial, error) {
	t := Trial{Call: c}
	began := time.Now()
	var err error
	if c.Task != nil {
		t.Now.Outcome, err = r.Perform(ctx, c.At(began))
	} else {
		t.Now.Found, t.Now.Failed, err = r.Undo(ctx, *c.Undo)
	}
	if err != nil {
		return t, fmt.Errorf("replay %s of step %q: %w", c.Name, c.Step(), err)
	}
	t.Took = time.Since(began)
	t.Verdict, t.Changes = Compare(c.Was, t.Now, ignore)
	return t, nil
}

// Compare says how what came of a call now stands to what came of it then.
func Compare(was, now Was, ignore Ignoring) (Verdict, []Change) {
	before, after := was.Outcome, now.Outcome
	failed, fails := before.Failed != nil || was.Failed != nil, after.Failed != nil || now.Failed != nil
	switch {
	case !was.Known():
		return Uncompared, nil
	case fails && !failed:
		return Fails, nil
	case failed && !fails:
		return Mended, nil
	case before.Failed != nil:
		return same(before.Failed.Class == after.Failed.Class && before.Failed.Error.Code == after.Failed.Error.Code), nil
	case was.Failed != nil:
		return same(was.Failed.Code == now.Failed.Code), nil
	case was.Found != "":
		return Same, nil // whether something was there says more of the world than of the agent
	case before.Done != nil && after.Done != nil:
		changes := Diff(before.Done.Result, after.Done.Result, ignore)
		return same(len(changes) == 0), changes
	case before.Pending != nil && after.Pending != nil:
		changes := Diff(asked(before.Pending), asked(after.Pending), ignore)
		return same(len(changes) == 0), changes
	default:
		return same(before.Skipped && after.Skipped), nil
	}
}

func same(ok bool) Verdict {
	if ok {
		return Same
	}
	return Differs
}

// asked is what a wait says to whoever brings the outcome.
func asked(w *events.Wait) json.RawMessage {
	text, _ := json.Marshal(map[string]any{"waits_for": w.WaitsFor, "person": w.Person, "question": w.Question, "within": w.Within})
	return text
}

// String says in words what came of a call.
func (w Was) String() string {
	o := w.Outcome
	switch {
	case o.Done != nil && o.Done.Result == nil:
		return "completed, without a result"
	case o.Done != nil:
		return "completed: " + brief(o.Done.Result)
	case o.Pending != nil:
		return "pending: it waits for " + o.Pending.WaitsFor
	case o.Failed != nil:
		return "failed, " + failure(*o.Failed)
	case o.Skipped:
		return "skipped: its condition did not hold"
	case w.Failed != nil:
		return fmt.Sprintf("not undone: %s (%s)", w.Failed.Message, w.Failed.Code)
	case w.Found == events.FoundNothing:
		return "undone: there was nothing"
	case w.Found != "":
		return "undone"
	default:
		return "not known"
	}
}

func failure(b saga.Setback) string {
	text := string(b.Class)
	if b.Error.Code != text {
		text += " (" + b.Error.Code + ")"
	}
	return text + ": " + b.Error.Message
}
