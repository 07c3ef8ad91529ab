package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/client"
)

// A mend is what a person does to a saga: who, and why.
type mend struct{ by, reason string }

func (m *mend) flags(c *cobra.Command) {
	c.Flags().StringVar(&m.by, "by", me(), "who does it")
	c.Flags().StringVar(&m.reason, "reason", "", "why; it stands in the saga's history (required)")
}

// mend runs what a person does to a saga.
func (t *tool) mend(c *cobra.Command, m mend, do func(context.Context, *broker.Log) error) error {
	if strings.TrimSpace(m.reason) == "" {
		return t.misuse(c, errors.New("--reason is missing: it stands in the saga's history"))
	}
	ctx, cancel := t.limit(c.Context())
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	return do(ctx, log)
}

func (t *tool) cancelCommand() *cobra.Command {
	var m mend
	c := &cobra.Command{
		Use:   "cancel <type> <id>",
		Short: "Turn a saga back: what was done is undone",
		Long: `Turn a saga back. Nothing more is begun, and what was done is undone by the
agents that did it, the last first. A saga that has ended cannot be cancelled.`,
		Example: `  unwind saga cancel kyc order-1 --reason "the customer changed her mind"`,
		Args:    takes(2, "type", "id"),
		RunE: func(c *cobra.Command, args []string) error {
			return t.mend(c, m, func(ctx context.Context, log *broker.Log) error {
				if err := client.Cancel(ctx, log, args[0], args[1], m.by, m.reason); err != nil {
					return err
				}
				t.say("saga %s/%s turns back", args[0], args[1])
				return nil
			})
		},
	}
	m.flags(c)
	return c
}
