package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/client"
)

func (t *tool) redoCommand() *cobra.Command {
	var m mend
	c := &cobra.Command{
		Use:   "redo <type> <id> <step> <agent>",
		Short: "Ask an agent that could not undo its work to try again",
		Long: `Ask an agent to undo its work at a step again: after it gave up and the saga is
stuck there. "unwind saga show" names the step and the agent. It can be asked
nine times.`,
		Example: `  unwind saga redo trip order-1 seat seat --reason "the airline answers again"`,
		Args:    takes(4, "type", "id", "step", "agent"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.mend(c, m, func(ctx context.Context, log *broker.Log) error {
				if err := client.Redo(ctx, log, args[0], args[1], args[2], args[3], m.by, m.reason); err != nil {
					return err
				}
				t.say("asked %s to undo step %s of saga %s/%s again", args[3], args[2], args[0], args[1])
				return nil
			})
		},
	}
	m.flags(c)
	return c
}

func (t *tool) resolveCommand() *cobra.Command {
	var m mend
	c := &cobra.Command{
		Use:   "resolve <type> <id> <step> <agent>",
		Short: "Say that an agent's work was undone by hand",
		Long: `Say that an agent's work at a step was undone by hand, or that there was
nothing to undo. The saga goes on being undone from there. This cannot be taken
back: undo it first, then say so.`,
		Example: `  unwind saga resolve trip order-1 seat seat --reason "gave the seat back by telephone"`,
		Args:    takes(4, "type", "id", "step", "agent"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.mend(c, m, func(ctx context.Context, log *broker.Log) error {
				if err := client.Resolve(ctx, log, args[0], args[1], args[2], args[3], m.by, m.reason); err != nil {
					return err
				}
				t.say("step %s of saga %s/%s counts as undone by %s", args[2], args[0], args[1], args[3])
				return nil
			})
		},
	}
	m.flags(c)
	return c
}
