package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/inbox"
)

func (t *tool) inboxResolveCommand() *cobra.Command {
	var m mend
	var r resultFlags
	var agent string
	c := &cobra.Command{
		Use:   "resolve <type> <id> <step>",
		Short: "Say that you did it: answer the question, do the step, or undo by hand",
		Long: `Say that you did what was needed. A question is answered with a result, which
later steps read; the agent that asked checks it. So it is with a step that
failed after the pivot. Work that could not be undone counts as undone by hand
then, and has no result: undo it first, then say so.

What was done although the saga has turned meanwhile is told with --late, and
the attempt that "unwind saga show --events" names: then it is undone.`,
		Example: `  unwind inbox resolve trip order-1 plan --data '{"route": "by train"}' --reason "looked it up"
  unwind inbox resolve trip order-1 plan -f route.json --reason "asked the driver"
  unwind inbox resolve trip order-1 seat --reason "gave the seat back by telephone"`,
		Args: takes(3, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := t.given(c, r)
			if err != nil {
				return err
			}
			return t.mend(c, m, func(ctx context.Context, log *broker.Log) error {
				i, err := t.item(ctx, log, args, agent)
				if err != nil {
					return err
				}
				if i.Need == client.NeedUndo && !r.late {
					if data != nil {
						return t.misuse(c, errors.New("what is undone has no result: leave out --data and --file"))
					}
					if err := client.Resolve(ctx, log, args[0], args[1], args[2], i.Agent, m.by, m.reason); err != nil {
						return err
					}
					t.say("step %s of saga %s/%s counts as undone by %s", args[2], args[0], args[1], i.Agent)
					return nil
				}
				return t.respond(ctx, log, args, r.late, events.Answer{
					Outcome: events.OutcomeCompleted, Attempt: cmp.Or(r.attempt, i.Attempt), By: m.by, Reason: m.reason, Data: data,
				})
			})
		},
	}
	m.flags(c)
	r.flags(c)
	c.Flags().StringVar(&agent, "agent", "", "whose work was undone, where several agents could not undo a step")
	return c
}

func (t *tool) inboxRetryCommand() *cobra.Command {
	var m mend
	var agent string
	var in time.Duration
	c := &cobra.Command{
		Use:   "retry <type> <id> <step>",
		Short: "Let an agent try again, or undo again",
		Long: `Let an agent try again. A question goes back to an agent that had the step before
(default: the first one); a step that failed after the pivot to the agent that
gave it up, or to another one of its chain; work that could not be undone to the
agent that did it.`,
		Example: `  unwind inbox retry trip order-1 plan --agent osrm --reason "it is up again"
  unwind inbox retry trip order-1 mail --in 1h --reason "the mail server is down until four"
  unwind inbox retry trip order-1 seat --reason "the airline answers again"`,
		Args: takes(3, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.mend(c, m, func(ctx context.Context, log *broker.Log) error {
				undo, next := agent, agent
				i, err := t.item(ctx, log, args, undo)
				if err != nil {
					return err
				}
				if i.Need == client.NeedUndo {
					if in != 0 {
						return t.misuse(c, errors.New("--in: undoing is tried again at once"))
					}
					if err := client.Redo(ctx, log, args[0], args[1], args[2], i.Agent, m.by, m.reason); err != nil {
						return err
					}
					t.say("asked %s to undo step %s of saga %s/%s again", i.Agent, args[2], args[0], args[1])
					return nil
				}
				if next == "" && i.Need != "" {
					if next = inbox.HandBack(i); next == "" {
						return fmt.Errorf("hand step %q of saga %s/%s back: nobody had it before %s\nhint: answer it: `unwind inbox resolve`, or `unwind inbox refuse`", args[2], args[0], args[1], i.Agent)
					}
				}
				return t.respond(ctx, log, args, false, events.Answer{
					Outcome: events.OutcomeRetry, Attempt: i.Attempt, By: m.by, Reason: m.reason, Next: next, Due: events.Duration(in),
				})
			})
		},
	}
	m.flags(c)
	c.Flags().StringVar(&agent, "agent", "", "who tries")
	c.Flags().DurationVar(&in, "in", 0, "how long to wait before")
	return c
}

func (t *tool) inboxRefuseCommand() *cobra.Command {
	var m mend
	c := &cobra.Command{
		Use:   "refuse <type> <id> <step>",
		Short: "Say no: the saga turns back, and what was done is undone",
		Long: `Say no to a question: the task is not acceptable. The saga turns back, and what
was done is undone. After the pivot there is no way back.`,
		Example: `  unwind inbox refuse trip order-1 plan --reason "no way leads there"`,
		Args:    takes(3, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.mend(c, m, func(ctx context.Context, log *broker.Log) error {
				i, err := t.item(ctx, log, args, "")
				if err != nil {
					return err
				}
				if i.Need == client.NeedUndo {
					return fmt.Errorf("refuse step %q of saga %s/%s: it is to be undone, which nobody can refuse\nhint: let %s try again with `unwind inbox retry`, or undo it by hand and say so with `unwind inbox resolve`",
						args[2], args[0], args[1], i.Agent)
				}
				return t.respond(ctx, log, args, false, events.Answer{Outcome: events.OutcomeRefused, Attempt: i.Attempt, By: m.by, Reason: m.reason})
			})
		},
	}
	m.flags(c)
	return c
}

// item finds what a step needs a person for; a zero item when nothing, so that
// whoever answers is told why.
func (t *tool) item(ctx context.Context, log events.Log, args []string, agent string) (client.Item, error) {
	items, err := itemsOf(ctx, log, args)
	if err != nil {
		return client.Item{}, err
	}
	var undo []client.Item
	for _, i := range items {
		switch {
		case i.Need != client.NeedUndo:
			return i, nil
		case agent == "" || i.Agent == agent:
			undo = append(undo, i)
		}
	}
	switch {
	case len(undo) > 1:
		return client.Item{}, fmt.Errorf("step %q of saga %s/%s: %s and %s could not undo it\nhint: say whose it is about with --agent",
			args[2], args[0], args[1], undo[0].Agent, undo[1].Agent)
	case len(undo) == 1:
		return undo[0], nil
	case len(items) > 0:
		return client.Item{}, fmt.Errorf("step %q of saga %s/%s: agent %q has nothing to undo\nhint: it is %s that could not", args[2], args[0], args[1], agent, items[0].Agent)
	default:
		return client.Item{}, nil
	}
}
