package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/inbox"
	"github.com/unwind-saga/unwind/services/unwind/index"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func (t *tool) inboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "inbox",
		Short: "See to what waits for a person",
		Long: `See to what waits for a person: questions that agents ask, steps that failed
after the pivot and can only be done, and work that could not be undone.

Every act is an event in the saga's history, with who did it and why.`,
		Example: `  unwind inbox list
  unwind inbox show trip order-1
  unwind inbox resolve trip order-1 plan --data '{"route": "by train"}' --reason "looked it up"
  unwind inbox retry trip order-1 plan --agent osrm --reason "it is up again"
  unwind inbox refuse trip order-1 plan --reason "no way leads there"`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.inboxListCommand(), t.inboxShowCommand(), t.inboxResolveCommand(), t.inboxRetryCommand(), t.inboxRefuseCommand())
	return c
}

func (t *tool) inboxListCommand() *cobra.Command {
	var f indexFlags
	var none bool
	c := &cobra.Command{
		Use:   "list [<type>]",
		Short: "List what waits for a person, the most urgent first",
		Long: `List what waits for a person, of one saga type or of all: first what is decided
without one soonest, then what has waited longest.

An index beside the stream tells where to look (see "unwind index"), and then the
histories of those sagas are read. With --no-index, or where no index can be made,
each type's events are read from the first to the last; then a saga whose history
makes no sense is found only if somebody has given up in it.

-o json has for each item the keys type, id, step, agent, need (answer, step,
undo or unreadable), since, until, then, question, task, results, tries and
others.`,
		Example: `  unwind inbox list
  unwind inbox list trip
  unwind inbox list --no-index
  unwind inbox list -o json | jq -r '.[] | select(.need == "undo") | .id'`,
		Args: takes(0, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := t.limitWait(c.Context())
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			var items []client.Item
			if none {
				items, err = client.Inbox(ctx, log, args...)
			} else {
				items, err = t.inbox(ctx, f, log, args)
			}
			if err != nil {
				return err
			}
			switch {
			case t.json():
				return printAll(t, items)
			case len(items) == 0:
				t.say("nothing waits for a person")
				return nil
			}
			if err := inbox.List(t.out, items, time.Now(), inbox.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)}); err != nil {
				return err
			}
			t.say("\n`unwind inbox show %s %s` tells all of the first, and what you can do", items[0].Type, items[0].ID)
			return nil
		},
	}
	f.add(c)
	c.Flags().BoolVar(&none, "no-index", false, "read every event instead of asking the index")
	c.MarkFlagsMutuallyExclusive("index", "no-index")
	t.outputFlag(c)
	return c
}

// inbox asks the index which sagas need a person, and reads those. Without one it
// reads them all.
func (t *tool) inbox(ctx context.Context, f indexFlags, log *broker.Log, types []string) ([]client.Item, error) {
	x, err := t.ready(ctx, f, log)
	switch {
	case err != nil && (ctx.Err() != nil || f.file != ""):
		return nil, err
	case err != nil:
		t.say("without an index: %v", err)
		return client.Inbox(ctx, log, types...)
	}
	defer x.Close()
	if err := known(ctx, x, log, types); err != nil {
		return nil, err
	}
	found, err := x.Find(ctx, index.Query{Types: types, Person: true})
	if err != nil {
		return nil, err
	}
	var suspected []client.Suspect
	for _, r := range found {
		suspected = append(suspected, client.Suspect{Type: r.Type, ID: r.ID})
	}
	return client.Ask(ctx, log, suspected)
}

func (t *tool) inboxShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show <type> <id> [<step>]",
		Short: "Show what a saga needs a person for, with all that is needed to decide",
		Long: `Show what a saga needs a person for: the question, the time that is left, what
was tried and why it failed, the task, what is done so far, and what you can do.`,
		Example: `  unwind inbox show trip order-1
  unwind inbox show trip order-1 plan -o json`,
		Args: takes(2, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := t.limit(c.Context())
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			items, err := itemsOf(ctx, log, args)
			switch {
			case err != nil:
				return err
			case t.json():
				return printAll(t, items)
			case len(items) == 0:
				return &exit{exitError, fmt.Errorf("saga %s/%s waits for no person%s\nhint: `unwind saga show %s %s` tells how it stands",
					args[0], args[1], at(args), args[0], args[1])}
			}
			for n, i := range items {
				if n > 0 {
					fmt.Fprintln(t.out)
				}
				if err := inbox.Show(t.out, i, time.Now(), inbox.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	t.outputFlag(c)
	return c
}

func at(args []string) string {
	if len(args) < 3 {
		return ""
	}
	return " at step " + args[2]
}

// itemsOf finds what a saga, or one step of it, needs a person for.
func itemsOf(ctx context.Context, log events.Log, args []string) ([]client.Item, error) {
	items, err := client.Items(ctx, log, args[0], args[1])
	if err != nil || len(args) < 3 {
		return items, err
	}
	chosen := []client.Item{}
	for _, i := range items {
		if i.Step == args[2] {
			chosen = append(chosen, i)
		}
	}
	return chosen, nil
}
