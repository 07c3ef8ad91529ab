package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/dlq"
	"github.com/unwind-saga/unwind/services/unwind/index"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// search is how long a search may take that reads every event of a type.
const search = 2 * time.Minute

func (t *tool) dlqCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dlq",
		Short: "See to tasks that were not done: send them again, or give them up",
		Long: `See to dead letters: tasks that no agent accepted, sagas that a failure or their
deadline turned and that ended undone, and histories that make no sense. What
somebody cancelled is none.

Each is listed until somebody has sent it again or dropped it, which is written
into its history: who, when and why.`,
		Example: `  unwind dlq list
  unwind dlq show kyc order-1
  unwind dlq redrive kyc order-1 --patch '{"country": "DE"}' --reason "the address was wrong"
  unwind dlq redrive kyc --code provider_down --reason "it is up again" --dry-run
  unwind dlq drop kyc order-2 --reason "the customer went elsewhere"`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.dlqListCommand(), t.dlqShowCommand(), t.dlqRedriveCommand(), t.dlqDropCommand())
	return c
}

// A letterFilter is a filter as flags.
type letterFilter struct {
	dlq.Filter
	kind         string
	since, older time.Duration
}

func (f *letterFilter) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.kind, "kind", "", "rejected, failed, deadline or unreadable")
	c.Flags().StringVar(&f.Step, "step", "", "the step at which it ended")
	c.Flags().StringVar(&f.Agent, "agent", "", "the agent that failed, or rejected it")
	c.Flags().StringVar(&f.Code, "code", "", "the error's code")
	c.Flags().DurationVar(&f.since, "since", 0, "those that ended in the last 2h")
	c.Flags().DurationVar(&f.older, "older", 0, "those that ended more than 10m ago")
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(letterKinds, cobra.ShellCompDirectiveNoFileComp))
}

var letterKinds = []string{string(dlq.Rejected), string(dlq.Failed), string(dlq.Deadline), string(dlq.Unreadable)}

// at reads the flags at a moment.
func (f *letterFilter) at(now time.Time) (dlq.Filter, error) {
	filter := f.Filter
	filter.Kind = dlq.Kind(f.kind)
	if f.kind != "" && !strings.Contains(" "+strings.Join(letterKinds, " ")+" ", " "+f.kind+" ") {
		return filter, fmt.Errorf("--kind %s: want %s", f.kind, strings.Join(letterKinds, ", "))
	}
	if f.since > 0 {
		filter.Since = now.Add(-f.since)
	}
	if f.older > 0 {
		filter.Before = now.Add(-f.older)
	}
	return filter, nil
}

// letters finds the dead letters of a type, or of all.
func (t *tool) letters(ctx context.Context, log *broker.Log, types []string, f dlq.Filter) ([]dlq.Letter, error) {
	if len(types) == 0 {
		var err error
		if types, err = log.Types(ctx); err != nil {
			return nil, err
		}
	}
	x, err := t.ready(ctx, indexFlags{}, log)
	if err != nil {
		t.say("without an index, reading every event: %v", err)
	} else {
		defer x.Close()
		if err := known(ctx, x, log, types); err != nil {
			return nil, err
		}
	}
	var all []dlq.Letter
	for _, typ := range types {
		ids, err := suspects(ctx, x, log, typ)
		if err != nil {
			return nil, err
		}
		found, err := dlq.Find(ctx, log, typ, ids, f)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// suspects are the sagas of a type that may be dead letters: those that went wrong and
// go on no more. The index knows; without one every event is read.
func suspects(ctx context.Context, x *index.Index, log *broker.Log, typ string) (ids []string, err error) {
	if x == nil {
		return dlq.Scan(ctx, log, typ)
	}
	ended := []saga.Status{saga.Compensated, saga.Rejected, index.Unreadable}
	for s, err := range x.Each(ctx, index.Query{Types: []string{typ}, Statuses: ended, Failed: true}) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, s.ID)
	}
	return ids, nil
}

func (t *tool) dlqListCommand() *cobra.Command {
	var f letterFilter
	c := &cobra.Command{
		Use:   "list [<type>]",
		Short: "List dead letters by their causes, the most frequent first",
		Long: `List dead letters by their causes, the most frequent first, with the last sagas of
each.

-o jsonl has a line for each dead letter, with the keys type, id, kind (rejected,
failed, deadline or unreadable), step, agent, code, message, began, ended and task.
Such a file can be given to redrive and drop: then it is these and no others.`,
		Example: `  unwind dlq list
  unwind dlq list kyc --agent face-matching --since 24h
  unwind dlq list kyc --code provider_down -o jsonl > tonight.jsonl`,
		Args: takes(0, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			filter, err := f.at(time.Now())
			if err != nil {
				return t.misuse(c, err)
			}
			ctx, cancel := context.WithTimeout(c.Context(), cmp.Or(t.timeout, search))
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			letters, err := t.letters(ctx, log, args, filter)
			switch {
			case err != nil:
				return err
			case t.json():
				return printAll(t, letters)
			case len(letters) == 0:
				t.say("there are no dead letters")
				return nil
			}
			if err := dlq.List(t.out, letters, time.Now(), dlq.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)}); err != nil {
				return err
			}
			t.say("\n`unwind dlq show %s %s` tells all of the last one, and what you can do", letters[0].Type, letters[0].ID)
			return nil
		},
	}
	f.flags(c)
	t.outputFlag(c)
	return c
}

func (t *tool) dlqShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "show <type> <id>",
		Short:   "Show a dead letter: its task, why it was not done, and what you can do",
		Example: `  unwind dlq show kyc order-1`,
		Args:    takes(2, "type", "id"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := t.limit(c.Context())
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			l, err := dlq.Load(ctx, log, args[0], args[1])
			switch {
			case err != nil:
				return err
			case t.json():
				return t.print(l)
			}
			return t.tellLetter(l)
		},
	}
	t.outputFlag(c)
	return c
}

func (t *tool) tellLetter(l dlq.Letter) error {
	in := t.ink(t.out)
	if err := dlq.List(t.out, []dlq.Letter{l}, time.Now(), dlq.Options{Ink: in, Columns: ink.Columns(t.out)}); err != nil {
		return err
	}
	var task bytes.Buffer
	if json.Indent(&task, l.Task, "", "  ") != nil {
		task.Reset()
		fmt.Fprintf(&task, "%q", l.Task)
	}
	_, err := fmt.Fprintf(t.out, `
task
%s

what happened:   unwind saga show %[2]s %[3]s
again as it is:  unwind dlq redrive %[2]s %[3]s --reason "…"
again, changed:  unwind dlq redrive %[2]s %[3]s --edit --reason "…"
give it up:      unwind dlq drop %[2]s %[3]s --reason "…"
`, task.String(), l.Type, l.ID)
	return err
}
