package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// Validate says everything that is wrong with a Config, as [Mistakes]. Fields
// that are zero are judged as the defaults that they mean.
func (c Config) Validate() error {
	var found Mistakes
	step := c.Step
	c = c.WithDefaults()
	c.Step = step // so that a stand-in without one is seen
	c.check(func(text string, paths ...string) {
		found = append(found, Mistake{Place: c.At(paths[0]), Path: paths[0], Text: text})
	})
	return found.err()
}

// check tells each rule that a Config with its defaults breaks, with the paths
// that it is about, the one to change first.
func (c Config) check(tell func(text string, paths ...string)) {
	ok := func(holds bool, path, format string, args ...any) {
		if !holds {
			tell(fmt.Sprintf(format, args...), path)
		}
	}
	name := func(valid func(string) error, name, path string) {
		if err := valid(name); err != nil {
			// "agent: agent "X": ..." would say it twice.
			_, text, _ := strings.Cut(err.Error(), " ")
			tell(text, path)
		}
	}
	step := cmp.Or(c.Step, c.Agent)

	for _, required := range []struct {
		name, path string
		valid      func(string) error
	}{{c.Agent, "agent", events.ValidAgent}, {c.Saga, "saga", validType}} {
		if required.name == "" {
			tell("is required", required.path)
		} else {
			name(required.valid, required.name, required.path)
		}
	}
	if c.Step != "" {
		name(events.ValidStep, c.Step, "step")
	}
	ok(!c.StandIn || c.Step != "", "step", "is required of a stand-in: it performs another agent's step")

	for i, s := range c.After {
		path := fmt.Sprintf("after[%d]", i)
		name(events.ValidStep, s, path)
		ok(s != step, path, "%q is this agent's own step: it would wait for itself", s)
		ok(slices.Index(c.After, s) == i, path, "%q is named twice", s)
	}
	ok(!c.StandIn || len(c.After) == 0, "after",
		"a stand-in follows nothing: it performs its step when that is handed over")

	ok(!c.StandIn || c.When == nil, "when",
		"a stand-in has no condition: it was judged before the step was handed over")

	for i, a := range c.FallbackAgents {
		path := fmt.Sprintf("fallback_agents[%d]", i)
		name(events.ValidAgent, a, path)
		ok(a != c.Agent, path, "%q is this agent: it can't take over from itself", a)
		ok(slices.Index(c.FallbackAgents, a) == i, path, "%q is named twice: an agent occurs once in a chain", a)
	}
	ok(!c.StandIn || len(c.FallbackAgents) == 0, "fallback_agents",
		"a stand-in has no chain of its own: name the agents that follow it at the primary")

	ok(c.Timeout > 0, "timeout", "must be more than 0, is %s", short(c.Timeout))
	ok(c.Deadline > 0, "deadline", "must be more than 0, is %s", short(c.Deadline))
	if c.Timeout > c.Deadline && c.Deadline > 0 {
		tell(fmt.Sprintf("the timeout of %s is longer than the deadline of %s",
			orDefault(c.Timeout, defaults().Timeout), orDefault(c.Deadline, defaults().Deadline)), "timeout", "deadline")
	}
	ok(c.Lease >= time.Second, "lease", "must be at least 1s, is %s", short(c.Lease))
	ok(c.Concurrency >= 1, "concurrency", "must be at least 1, is %d", c.Concurrency)
	ok(c.MaxTakeovers >= 1 && c.MaxTakeovers < events.MaxAttempt, "max_takeovers",
		"must be between 1 and %d, is %d", events.MaxAttempt-1, c.MaxTakeovers)
	c.RetryPolicy.check("retry_policy", defaults().RetryPolicy, tell)
	c.CompensationRetryPolicy.check("compensation_retry_policy", defaults().CompensationRetryPolicy, tell)

	c.checkRails(tell)

	if c.CompensationHandler != "" {
		name(validHandler, c.CompensationHandler, "compensation_handler")
	}
	ok(c.TaskSchema == nil || c.Entry(), "task_schema",
		"only an agent that begins with the task can refuse one: no stand-in, nothing in after")
	c.checkOutside(tell)
	for i, word := range c.Command {
		ok(word != "" || i > 0, "command[0]", "is empty: it must be a program")
	}
}

func (p RetryPolicy) check(at string, usual RetryPolicy, tell func(text string, paths ...string)) {
	ok := func(holds bool, key, format string, args ...any) {
		if !holds {
			tell(fmt.Sprintf(format, args...), at+"."+key)
		}
	}
	ok(p.MaxRetries >= 0 && p.MaxRetries < events.MaxAttempt, "max_retries",
		"must be between 0 and %d, is %d", events.MaxAttempt-1, p.MaxRetries)
	ok(p.BaseDelay > 0, "base_delay", "must be more than 0, is %s", short(p.BaseDelay))
	ok(p.MaxDelay > 0, "max_delay", "must be more than 0, is %s", short(p.MaxDelay))
	if p.BaseDelay > p.MaxDelay && p.MaxDelay > 0 {
		tell(fmt.Sprintf("the base_delay of %s is longer than the max_delay of %s",
			orDefault(p.BaseDelay, usual.BaseDelay), orDefault(p.MaxDelay, usual.MaxDelay)),
			at+".base_delay", at+".max_delay")
	}
	// Written so that NaN, which compares false, is refused.
	ok(p.Multiplier >= 1 && p.Multiplier <= 1e6, "backoff_multiplier", "must be between 1 and 1000000, is %v", p.Multiplier)
	ok(p.Jitter >= 0 && p.Jitter <= 1, "jitter_ratio", "must be between 0 and 1, is %v", p.Jitter)
}

func validType(name string) error { return events.ValidName("saga", name) }

func validHandler(name string) error { return events.ValidName("handler", name) }

// orDefault prints a duration that the file need not have named.
func orDefault(d, usual time.Duration) string {
	if d == usual {
		return short(d) + " (the default)"
	}
	return short(d)
}

// short prints a duration without the zeros of its smaller units: 10m, 24h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
