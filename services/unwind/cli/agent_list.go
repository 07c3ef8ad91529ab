package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/roster"
)

func (t *tool) agentListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list [<type>]",
		Short: "List the agents: who is there, what waits for them, what they did",
		Long: `List the agents of a saga type, or of all: a line for each, with its instances,
their versions, the calls under way (busy), the messages that wait and those that
are held, retries and undoings since the instances started, and the lag: how long
the first message that waits has waited.

Agents announce themselves; what waits is the broker's word. So an agent that is
not running is listed too, with when it was last given work, and so is one in
another language, which need not announce itself. "nats micro ls" shows those
that do. Nothing is changed.`,
		Example: `  unwind agent list
  unwind agent list kyc
  unwind agent list -o jsonl | jq -r 'select(.instances == 0 and (.listens | not)).agent'`,
		Args: takes(0, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.roll(c.Context(), strings.Join(args, ""), func(all []roster.Agent) error {
				switch {
				case t.json():
					return printAll(t, all)
				case len(all) == 0:
					t.say("no agent has ever run here")
					return nil
				}
				return roster.List(t.out, all, time.Now(), roster.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)})
			})
		},
	}
	t.outputFlag(c)
	return c
}

func (t *tool) agentDescribeCommand() *cobra.Command {
	var typ string
	var schemas bool
	c := &cobra.Command{
		Use:   "describe <agent>",
		Short: "Describe an agent: its place, its policies, its instances, what waits for it",
		Long: `Describe an agent as its newest instance declares it: its place among the steps,
its retries, its chain, how it undoes; each instance with what it did since it
started; and its consumers with what waits there. Nothing is changed.`,
		Example: `  unwind agent describe face-matching
  unwind agent describe seat --type trip --schemas
  unwind agent describe face-matching -o json | jq .declared.retry_policy`,
		Args: takes(1, "agent"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.roll(c.Context(), typ, func(all []roster.Agent) error {
				a, err := roster.Find(all, args[0])
				if err != nil {
					return err
				}
				if t.json() {
					return t.print(a.Description())
				}
				return roster.Describe(t.out, a, time.Now(), schemas, roster.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)})
			})
		},
	}
	c.Flags().StringVar(&typ, "type", "", "the saga type, where agents of several have this name")
	c.Flags().BoolVar(&schemas, "schemas", false, "with the schemas of its task and its result")
	t.outputFlag(c)
	return c
}

// roll asks who is there.
func (t *tool) roll(ctx context.Context, typ string, tell func([]roster.Agent) error) error {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	all, err := call(ctx, log, typ)
	if err != nil {
		return err
	}
	return tell(all)
}

// call asks who is there, and says which types there are to whoever asks for another.
func call(ctx context.Context, log *broker.Log, typ string) ([]roster.Agent, error) {
	all, err := roster.Call(ctx, log, typ)
	switch {
	case errors.Is(err, events.ErrNoType):
		return nil, fmt.Errorf("look for agents of type %q: %w\nhint: %s", typ, events.ErrNoType, typesHint(ctx, log))
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, permissionHint(err))
	}
	return all, nil
}

// typesHint says which saga types there are.
func typesHint(ctx context.Context, log *broker.Log) string {
	types, err := log.Types(ctx)
	if err != nil || len(types) == 0 {
		return "a saga type is there once one of its agents has run"
	}
	return "there are " + strings.Join(types, ", ")
}

// permissionHint is for an operator whose permissions are from before agents
// announced themselves.
func permissionHint(err error) string {
	if strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "hint:") {
		return "\nhint: deploy/nats/users.conf has what an operator needs"
	}
	return ""
}
