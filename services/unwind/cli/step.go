package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func (t *tool) stepCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "step",
		Short: "Say from outside how a step ended",
		Long: `Say from outside how a step ended whose agent waits for it: what a callback or a
program does that has no broker's client. Persons rather use "unwind inbox".`,
		Example: `  unwind step complete trip order-1 scan -f result.json
  unwind step fail trip order-1 scan --class refused --code unreadable --message "the scan is black"`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.stepCompleteCommand(), t.stepFailCommand())
	return c
}

func (t *tool) stepCompleteCommand() *cobra.Command {
	var r resultFlags
	var by, reason, undo string
	c := &cobra.Command{
		Use:   "complete <type> <id> <step>",
		Short: "Say that a step was done, with its result",
		Long: `Say that a step was done, with the result that later steps read and, if it is
known, what undoing it needs. The agent that waits checks the result.

With --attempt, this may be said before the agent says that it waits, and is
heard for no other agent's attempt.`,
		Example: `  unwind step complete trip order-1 scan -f result.json
  unwind step complete trip order-1 scan --data '{"pages": 3}' --attempt 1 --by scanner-7`,
		Args: takes(3, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := t.given(c, r)
			if err != nil {
				return err
			}
			a := events.Answer{Outcome: events.OutcomeCompleted, Attempt: r.attempt, By: by, Reason: reason, Data: data}
			if undo != "" {
				a.Undo = json.RawMessage(undo)
			}
			return t.tellStep(c, args, r.late, a)
		},
	}
	r.flags(c)
	c.Flags().StringVar(&undo, "undo", "", "what undoing needs, as JSON")
	c.Flags().StringVar(&by, "by", me(), "who says it")
	c.Flags().StringVar(&reason, "reason", "", "why; it stands in the saga's history")
	return c
}

func (t *tool) stepFailCommand() *cobra.Command {
	var by, class, code, message string
	var attempt int
	c := &cobra.Command{
		Use:   "fail <type> <id> <step>",
		Short: "Say that a step was not done, and why",
		Long: `Say that a step was not done, and why. The class says what follows:

  refused      the task is not acceptable: the saga turns back
  unavailable  not here: the next agent in the chain
  retry        the same agent tries again`,
		Example: `  unwind step fail trip order-1 scan --class refused --code unreadable --message "the scan is black"
  unwind step fail trip order-1 scan --class unavailable --message "the scanner is out of order"`,
		Args: takes(3, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			if strings.TrimSpace(message) == "" {
				return t.misuse(c, errors.New("--message is missing: it stands in the saga's history"))
			}
			switch class {
			case "refused", "unavailable", "retry":
			default:
				return t.misuse(c, fmt.Errorf("--class %q: want refused, unavailable or retry", class))
			}
			return t.tellStep(c, args, false, events.Answer{
				Outcome: events.Outcome(class), Attempt: attempt, By: by, Reason: message,
				Error: &events.Error{Code: cmp.Or(code, class), Message: message},
			})
		},
	}
	c.Flags().StringVar(&class, "class", "unavailable", "refused, unavailable or retry")
	c.Flags().StringVar(&code, "code", "", "what happened, for programs (default the class)")
	c.Flags().StringVar(&message, "message", "", "what happened, for people (required)")
	c.Flags().IntVar(&attempt, "attempt", 0, "of which attempt this is said (default the last)")
	c.Flags().StringVar(&by, "by", me(), "who says it")
	return c
}

func (t *tool) tellStep(c *cobra.Command, args []string, late bool, a events.Answer) error {
	ctx, cancel := t.limit(c.Context())
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	return t.respond(ctx, log, args, late, a)
}

// resultFlags are how a result is given.
type resultFlags struct {
	file, data string
	attempt    int
	late       bool
}

func (r *resultFlags) flags(c *cobra.Command) {
	c.Flags().StringVarP(&r.file, "file", "f", "", "the result, as JSON; - is standard input")
	c.Flags().StringVar(&r.data, "data", "", "the result itself, as JSON")
	c.Flags().IntVar(&r.attempt, "attempt", 0, "of which attempt this is said (default the last)")
	c.Flags().BoolVar(&r.late, "late", false, "it was done although nobody waits for it any more: it is undone")
}

// given reads the result; nil if none is given.
func (t *tool) given(c *cobra.Command, r resultFlags) (json.RawMessage, error) {
	switch {
	case r.file != "" && r.data != "":
		return nil, t.misuse(c, errors.New("--file and --data: only one of them"))
	case r.late && r.attempt == 0:
		return nil, t.misuse(c, errors.New("--late: --attempt is missing, it says who has to undo it"))
	case r.file == "" && r.data == "":
		return nil, nil
	}
	text, err := t.payload(startFlags{file: r.file, data: r.data})
	if err != nil {
		return nil, err
	}
	if !json.Valid(text) {
		return nil, &exit{exitError, errors.New("the result is not JSON\nhint: a text needs quotes: --data '\"by train\"'")}
	}
	return text, nil
}

// settling is how long a command waits for what the agent makes of an answer.
const settling = 5 * time.Second

// respond writes an answer, and tells what its agent makes of it: a result may
// not be acceptable.
func (t *tool) respond(ctx context.Context, log *broker.Log, args []string, late bool, a events.Answer) error {
	typ, id, step := args[0], args[1], args[2]
	if late {
		if err := client.AnswerLate(ctx, log, typ, id, step, a); err != nil {
			return err
		}
		t.say("it is written: what attempt %d did at step %s of saga %s/%s is undone", a.Attempt, step, typ, id)
		return nil
	}
	if err := client.Answer(ctx, log, typ, id, step, a); err != nil {
		return err
	}
	t.say("step %s of saga %s/%s is answered: %s, by %s", step, typ, id, a.Outcome, a.By)
	soon, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	return t.outcome(soon, log, args, a)
}

// errHeard ends a look at what became of an answer.
var errHeard = errors.New("the agent has taken the answer up")

func (t *tool) outcome(ctx context.Context, log events.Log, args []string, said events.Answer) error {
	typ, id, step := args[0], args[1], args[2]
	s, _, err := client.Load(ctx, log, typ, id, 0)
	if err != nil {
		return err
	}
	from := uint64(0)
	for _, a := range s.Step(step).Answers {
		if a.By == said.By && a.Outcome == said.Outcome {
			from = a.Seq // ours is the last one
		}
	}
	var refused error
	err = log.Follow(ctx, typ, id, from, func(e events.Event) error {
		switch {
		case e.Subject.Step != step:
			return nil
		case e.Subject.Kind == events.Completed:
			t.say("it is completed, and the saga goes on")
			return errHeard
		case e.Subject.Kind == events.Attempt && said.Outcome == events.OutcomeRetry:
			var claim events.Claim
			if err := e.Unpack(&claim); err != nil {
				return err
			}
			t.say("%s tries again", claim.Agent)
			return errHeard
		case e.Subject.Kind == events.Failed:
			var f events.Failure
			if err := e.Unpack(&f); err != nil {
				return err
			}
			if said.Outcome == events.OutcomeCompleted {
				refused = fmt.Errorf("%s did not accept it: %s\nhint: then %s; `unwind inbox show %s %s` tells whether it waits for you again",
					f.Agent, cmp.Or(f.Error.Message, f.Error.Code), follows(f), typ, id)
			} else {
				t.say("%s", follows(f))
			}
			return errHeard
		default:
			return nil
		}
	})
	switch {
	case errors.Is(err, errHeard):
		return refused
	case err != nil:
		return err
	}
	if said.Due > 0 {
		t.say("it is to be tried again in %s", ink.Span(time.Duration(said.Due)))
		return nil
	}
	t.say("its agent has not taken it up yet (is it running?): `unwind saga show %s %s` tells", typ, id)
	return nil
}

// follows says what a failure leads to.
func follows(f events.Failure) string {
	switch f.Then {
	case events.ThenRetry:
		text := cmp.Or(f.Next, f.Agent) + " tries again"
		if f.Due > 0 {
			text += " in " + ink.Span(time.Duration(f.Due))
		}
		return text
	case events.ThenFallback:
		return f.Next + " takes the step over"
	case events.ThenPerson:
		return "the step waits for a person: there is no way back after the pivot"
	default:
		return "the saga turns back"
	}
}
