package config

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/unwind-saga/unwind/saga/when"
)

// A Config is what one agent knows. Agent and Saga are required; any other
// field that is zero means its default.
type Config struct {
	Agent string   // who I am
	Saga  string   // the saga type
	Step  string   // the role that I play; default: the agent's name
	After []string // the steps that I follow; empty: the task itself

	// When says whether the step is to be performed, or to be skipped; nil:
	// always performed. It is judged when the step is claimed.
	When *when.Condition

	// StandIn: the step is performed only when it is handed over. Then there
	// is neither After nor FallbackAgents: both are the primary's business.
	StandIn bool
	// Final: when the step is done, the saga is. A stand-in for the final step
	// says so too, for whoever performs it writes the end.
	Final bool

	// Pivot: once the step is done, the saga cannot turn any more: no failure,
	// deadline or person takes it back. A stand-in for the step says so too.
	Pivot bool
	// NeverRefuses: the program refuses no task, and if it does all the same,
	// that is its own fault: the next agent in the chain is asked. What follows a
	// pivot must say so.
	NeverRefuses bool

	Timeout     time.Duration // of each attempt; default 30s
	Deadline    time.Duration // of the whole saga; default 24h
	Concurrency int           // calls of each instance at a time, and as many undoings; default 16
	Lease       time.Duration // how long a dead instance's work waits for another; default 30s

	RetryPolicy             RetryPolicy
	CompensationRetryPolicy RetryPolicy

	RateLimit       *RateLimit      // how often the step is performed; nil: as often as it is asked for
	CircuitBreaker  *CircuitBreaker // when it is not even tried; nil: it always is
	RetryAfterHolds string          // [HoldsInstance] or [HoldsSaga]; default HoldsInstance

	FallbackAgents      []string // who takes the step over, in this order
	CompensationHandler string   // as the program registered it, or [NoCompensation]
	MaxTakeovers        int      // a task that killed its agent so often is given up; default 5

	TaskSchema   *Schema // of agents that begin with the task; nil accepts all
	ResultSchema *Schema // nil accepts all

	// Handler is the program that does the work, in whatever language, where the
	// agent itself is `unwind agent run`; nil: the work is the agent's own.
	Handler *Outside
	// Compensation is the program that undoes it; nil: nobody does. That nothing is to be
	// undone is said by a CompensationHandler of [NoCompensation].
	Compensation *Outside

	Command []string // how `unwind dev` starts the agent; empty: `unwind agent run` where there is a Handler, else the Go program in its folder

	settings *yaml.Node
	source   source
}

// NoCompensation as the compensation handler says that the step leaves nothing
// behind that is to be undone.
const NoCompensation = "none"

// defaults is the one place where they are told.
func defaults() Config {
	return Config{
		Timeout:     30 * time.Second,
		Deadline:    24 * time.Hour,
		Concurrency: 16,
		Lease:       30 * time.Second,
		RetryPolicy: RetryPolicy{
			MaxRetries: 3, BaseDelay: time.Second, MaxDelay: 30 * time.Second, Multiplier: 2, Jitter: 0.5,
		}.Exactly(),
		CompensationRetryPolicy: RetryPolicy{
			MaxRetries: 10, BaseDelay: time.Second, MaxDelay: 5 * time.Minute, Multiplier: 2, Jitter: 0.5,
		}.Exactly(),
		RetryAfterHolds: HoldsInstance,
		MaxTakeovers:    5,
	}
}

// WithDefaults completes a Config that was built in Go. Applying it twice is
// the same as once, and it does not change a Config that was read.
func (c Config) WithDefaults() Config {
	d := defaults()
	c.Step = cmp.Or(c.Step, c.Agent)
	c.Timeout = cmp.Or(c.Timeout, d.Timeout)
	c.Deadline = cmp.Or(c.Deadline, d.Deadline)
	c.Concurrency = cmp.Or(c.Concurrency, d.Concurrency)
	c.Lease = cmp.Or(c.Lease, d.Lease)
	c.RetryPolicy = c.RetryPolicy.or(d.RetryPolicy)
	c.CompensationRetryPolicy = c.CompensationRetryPolicy.or(d.CompensationRetryPolicy)
	c.RateLimit = c.RateLimit.withDefaults()
	c.CircuitBreaker = c.CircuitBreaker.withDefaults()
	if c.Compensation != nil {
		c.CompensationHandler = cmp.Or(c.CompensationHandler, OutsideHandler)
	}
	c.RetryAfterHolds = cmp.Or(c.RetryAfterHolds, d.RetryAfterHolds)
	c.MaxTakeovers = cmp.Or(c.MaxTakeovers, d.MaxTakeovers)
	return c
}

// Entry reports whether the agent begins with the task.
func (c Config) Entry() bool { return len(c.After) == 0 && !c.StandIn }

// At is the place of a key's value, such as "after[1]", or of the nearest
// thing around it that the file has. It is zero for a Config built in Go.
func (c Config) At(path string) Place { return c.source.at(path) }

// Load reads an agent's file, with the variables of the environment. What is
// wrong with its content is told as [Mistakes].
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("load agent configuration: %w", err)
	}
	return Parse(path, text, os.LookupEnv)
}

// Parse reads an agent's file from memory. The name is that of the file: it
// stands in mistakes, and schemas are looked for beside it. The variables come
// from lookup; without one, none is set. Any error is [Mistakes].
func Parse(name string, text []byte, lookup func(string) (string, bool)) (Config, error) {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	t := read(name, text, lookup)
	if t.root == nil {
		return Config{}, t.mistakes.err()
	}
	// What the file says is laid over the defaults, rather than defaults over
	// what is zero: a zero in the file is meant, and judged.
	c := defaults()
	d := decoder{tree: t}
	d.mapping(d.fields(&c))("", t.root)
	c.source = t.source
	if t.root.Kind == yaml.MappingNode {
		c.check(func(text string, paths ...string) {
			if slices.ContainsFunc(paths, d.mistakes.touch) {
				return // what a mistake would imply
			}
			// Of keys that don't fit together, tell one that the file has.
			given := slices.IndexFunc(paths, func(path string) bool { _, ok := t.places[path]; return ok })
			path := paths[max(given, 0)]
			d.mistake(c.At(path), path, "%s", text)
		})
	}
	if err := d.mistakes.err(); err != nil {
		return Config{}, err
	}
	return c.WithDefaults(), nil
}
