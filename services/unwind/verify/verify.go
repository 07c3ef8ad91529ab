package verify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

// A Config says how an agent is tried. The zero value works.
type Config struct {
	Only   []string      // these checks alone; empty: all
	Limit  time.Duration // of each check; default 20 s and two leases
	Start  time.Duration // how long the agent may take to listen; default 30 s
	Unwind string        // the path of the tool, for agents whose command begins with it

	// Attach: the agent is started by somebody else. Checks that kill it are left out.
	Attach bool
	// Connect reaches another broker than one of its own. Checks that need the gate
	// are left out. It implies Attach.
	Connect func(context.Context) (*broker.Log, error)
	Port    int // of the door for the agent, on the loopback interface; default any free one

	Output io.Writer    // what the agent prints; default nowhere
	Say    func(string) // what is being done
	Tell   func(Result) // each result, as it comes

	run string // makes the sagas' ids unlike those of other runs
}

func (c Config) say(format string, args ...any) {
	if c.Say != nil {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// A Status is what came of a check.
type Status string

// What may come of a check.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "not checked"
)

// A Result is what came of one check.
type Result struct {
	Check   string        `json:"check"`
	Rule    string        `json:"rule"` // where it is written
	Text    string        `json:"text"` // in words
	Status  Status        `json:"status"`
	Reason  string        `json:"reason,omitempty"`  // why it was not checked
	Want    string        `json:"want,omitempty"`    // of one that failed
	Seen    string        `json:"seen,omitempty"`    // likewise
	History []string      `json:"history,omitempty"` // likewise
	Took    time.Duration `json:"took_ns"`
}

// A Report is what came of all.
type Report struct {
	Agent   string        `json:"agent"`
	Saga    string        `json:"saga"`
	Passed  int           `json:"passed"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"not_checked"`
	Notes   []string      `json:"notes,omitempty"` // what the agent's file says that it can't
	Results []Result      `json:"results"`
	Took    time.Duration `json:"took_ns"`
}

// Err is not nil if a check failed.
func (r Report) Err() error {
	if r.Failed == 0 {
		return nil
	}
	return fmt.Errorf("agent %q does not keep %d of %d rules", r.Agent, r.Failed, r.Failed+r.Passed)
}

// Run tries an agent. The error says that it could not be tried; what came of it
// is in the report.
func Run(ctx context.Context, subject Subject, c Config) (Report, error) {
	cfg := subject.Program.Config
	c.run = uuid.NewString()[:6]
	c.Attach = c.Attach || c.Connect != nil
	c.Start = cmp.Or(c.Start, 30*time.Second)
	c.Limit = cmp.Or(c.Limit, 20*time.Second+2*cfg.Lease)
	chosen, err := choose(c.Only)
	if err != nil {
		return Report{}, err
	}
	began := time.Now()
	b := &bench{cfg: cfg, subject: subject, config: c, strange: map[uint64]bool{}, sent: map[string]uint64{}}
	if err := b.open(ctx); err != nil {
		return Report{}, errors.Join(fmt.Errorf("verify agent %q: %w", cfg.Agent, err), b.close())
	}
	report := Report{Agent: cfg.Agent, Saga: cfg.Saga, Notes: notes(b)}
	for _, check := range chosen {
		c.say("%s", check.Name)
		r := b.try(ctx, check)
		if err := b.clean(ctx, r.Status == Failed); err != nil && ctx.Err() == nil {
			return report, errors.Join(fmt.Errorf("verify agent %q: after check %q: %w", cfg.Agent, check.Name, err), b.close())
		}
		if ctx.Err() != nil {
			break
		}
		switch r.Status {
		case Passed:
			report.Passed++
		case Failed:
			report.Failed++
		default:
			report.Skipped++
		}
		report.Results = append(report.Results, r)
		if c.Tell != nil {
			c.Tell(r)
		}
	}
	report.Took = time.Since(began)
	err = b.close()
	if ctx.Err() != nil {
		return report, fmt.Errorf("verify agent %q: %w", cfg.Agent, context.Cause(ctx))
	}
	return report, err
}

func choose(only []string) ([]Check, error) {
	all := Checks()
	if len(only) == 0 {
		return all, nil
	}
	var chosen []Check
	for _, name := range only {
		i := slices.IndexFunc(all, func(c Check) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no check %q\nhint: `unwind agent verify --list` names them", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// notes says what the agent's own file says that it can't.
func notes(b *bench) (list []string) {
	if b.cfg.CompensationHandler == "none" || b.cfg.CompensationHandler == "" {
		list = append(list, "it has no compensation: it undoes by saying that there is nothing")
	}
	if b.cfg.Pivot {
		list = append(list, "it is the pivot: once it is done, its saga does not turn")
	}
	if b.cfg.NeverRefuses {
		list = append(list, "it never refuses a task")
	}
	if b.subject.file == "" {
		list = append(list, "there is no verify.yaml beside it: it is tried with the task {} and empty results")
	}
	return list
}

// try runs one check.
func (b *bench) try(ctx context.Context, c Check) Result {
	r := Result{Check: c.Name, Rule: c.Rule, Text: c.Text}
	if r.Reason = c.missing(b); r.Reason != "" {
		r.Status = Skipped
		return r
	}
	began, first := time.Now(), len(b.scenes)
	limited, cancel := context.WithTimeout(ctx, b.config.Limit)
	err := c.run(limited, b)
	cancel()
	r.Took = time.Since(began)
	if reason, ok := errors.AsType[*idle](err); ok {
		r.Status, r.Reason = Skipped, reason.why
		return r
	}
	if err == nil {
		r.Status = Passed
		return r
	}
	r.Status = Failed
	if f, ok := errors.AsType[*fault](err); ok {
		r.Want, r.Seen = f.want, f.seen
	} else {
		r.Want, r.Seen = "the scene played to its end", err.Error()
	}
	if c.last {
		return r
	}
	for _, s := range b.scenes[first:] {
		r.History = append(r.History, s.tell(ctx)...)
	}
	return r
}

// An idle is why a check found nothing to look at.
type idle struct{ why string }

func (i *idle) Error() string { return i.why }

// tell prints a history as a person reads it.
func (s *scene) tell(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	h, err := s.b.log.History(ctx, s.b.cfg.Saga, s.id, 0)
	if err != nil {
		return []string{err.Error()}
	}
	var text bytes.Buffer
	_ = live.New(&text, live.Options{}).All(h)
	return strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
}
