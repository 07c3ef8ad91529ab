package sagatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/casefile"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/replay"
)

// Replay gives an agent's handler the calls that the agent got in a case, which
// `unwind saga export` wrote, and fails the test where what comes of a call is not
// what it must be:
//
//   - What failed must not fail any more. If a later attempt of the agent completed,
//     its result is expected of the ones before as well.
//   - What completed must complete with the same result; likewise what was pending,
//     skipped or undone.
//
// So a case of a saga that failed is a red test until the bug is mended, and keeps
// it mended from then on. A failure that was right, say a refusal, is told by
// [Rules].
//
// The configuration says which agent it is, which timeout its calls have and which
// schema its results; it need not be the one of that time. The calls are made one
// after the other, as they were, and each attempt is one: what they find of what the
// one before left is up to the handler's own world.
func Replay(t testing.TB, file string, cfg config.Config, h agent.Handler) {
	t.Helper()
	Rules{}.Replay(t, file, cfg, h)
}

// Rules say what must come of a call that is replayed. The zero value is explained
// at [Replay].
type Rules struct {
	// AsRecorded: what failed was right to fail, and must fail again with the same
	// class and code.
	AsRecorded bool
	// Ignore are the places of results that may differ: JSON pointers such as
	// /checked_at or /faces/*/id.
	Ignore []string
	// Want judges a call in place of the rules; nil means that it is well.
	Want func(replay.Trial) error
}

// Replay is [Replay] by other rules.
func (r Rules) Replay(t testing.TB, file string, cfg config.Config, h agent.Handler) {
	t.Helper()
	c, err := casefile.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	ignore, err := replay.ParseIgnoring(r.Ignore)
	if err != nil {
		t.Fatal(err)
	}
	history, err := c.History()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if cfg.Saga != c.Type {
		t.Fatalf("%s: it is a saga of type %q, and agent %q is of type %q", file, c.Type, cfg.Agent, cfg.Saga)
	}
	ctx := t.Context()
	calls, err := replay.Calls(ctx, history, cfg.Agent, c)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	rehearsal, err := agent.Rehearse(cfg, h, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls = r.expected(calls)
	for _, call := range calls {
		trial, err := replay.Try(ctx, rehearsal, call, ignore)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := r.judge(trial); err != nil {
			t.Errorf("%s: %s of step %q, at %d: %v%s", file, call.Name, call.Step(), call.Seq, err, told(trial))
		}
	}
}

// expected puts in the place of each failure what a later attempt completed with,
// unless failures are right.
func (r Rules) expected(calls []replay.Call) []replay.Call {
	if r.AsRecorded {
		return calls
	}
	for i := range calls {
		if calls[i].Was.Outcome.Failed == nil {
			continue
		}
		for _, later := range calls[i+1:] {
			if o := later.Was.Outcome; o.Done != nil && later.Task.Key == calls[i].Task.Key {
				calls[i].Was.Outcome = o
			}
		}
	}
	return calls
}

// judge says why what came of a call is not what it must be.
func (r Rules) judge(t replay.Trial) error {
	failed := t.Now.Outcome.Failed != nil || t.Now.Failed != nil
	switch {
	case r.Want != nil:
		return r.Want(t)
	case t.Verdict == replay.Same && failed && !r.AsRecorded:
		return fmt.Errorf("it still fails as it did: %s", t.Now)
	case t.Verdict == replay.Differs && failed && !r.AsRecorded:
		return fmt.Errorf("it still fails, in another way: %s", t.Now)
	case t.Verdict == replay.Fails:
		return fmt.Errorf("it fails: %s", t.Now)
	case t.Verdict == replay.Differs:
		return fmt.Errorf("something else comes of it: %s", t.Now)
	case t.Verdict == replay.Mended && r.AsRecorded:
		return fmt.Errorf("it does not fail any more: %s", t.Now)
	case t.Verdict == replay.Uncompared && failed && !r.AsRecorded:
		return fmt.Errorf("it fails, and what it came to then is not known: %s", t.Now)
	default:
		return nil
	}
}

// told says below a failure what the call was, and where a result differs.
func told(t replay.Trial) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n    was   %s", strings.ReplaceAll(t.Call.Was.String(), "\n", "\n          "))
	for _, c := range t.Changes {
		fmt.Fprintf(&b, "\n    differs: %s", c)
	}
	if task := t.Call.Task; task != nil {
		fmt.Fprintf(&b, "\n    task  %s", short(task.Payload))
		for _, step := range inOrder(task.Results) {
			fmt.Fprintf(&b, "\n    %s  %s", step, short(task.Results[step]))
		}
	}
	return b.String()
}

// inOrder lists the keys of results.
func inOrder(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }

// short is JSON as it fits on a line.
func short(v json.RawMessage) string {
	const most = 160
	if len(v) > most {
		return strings.ToValidUTF8(string(v[:most]), "") + " ..."
	}
	return string(v)
}
