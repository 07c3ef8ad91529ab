package cli

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/host"
	"github.com/unwind-saga/unwind/services/unwind/operator"
)

func (t *tool) operatorCommand() *cobra.Command {
	var files []string
	var listen string
	c := &cobra.Command{
		Use:   "operator --config <agent.yaml>",
		Short: "Run an agent whose work is done by a person",
		Long: `Run an agent that asks a person, and waits for the answer from the inbox. It
stands last in a chain of agents, or is a step of its own, an approval:

  agent: operator
  saga: trip
  step: plan
  stand_in: true              # or after: [plan], for a step of its own
  compensation_handler: none  # or ask: a person undoes what a person did
  command: [unwind, operator, --config, agent.yaml]
  settings:
    question: Which way to {{.task.to}}?
    within: 4h                # then the chain goes on

The question is a template over .task, .results (by step), .type, .id, .step and
.attempt. One process may be several operators.`,
		Example: `  unwind operator --config agent.yaml
  unwind operator --config plan/operator.agent.yaml --config approval/agent.yaml`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(files) == 0 {
				return t.misuse(c, errors.New("--config is missing"))
			}
			var operators []*operator.Operator
			p := host.Process{Name: "unwind operator", Listen: listen, Logger: host.Logger(t.err, "text")}
			for _, file := range files {
				o, err := operator.Load(file)
				if err != nil {
					return &exit{exitError, err}
				}
				operators = append(operators, o)
				if !slices.Contains(p.Types, o.Config.Saga) {
					p.Types = append(p.Types, o.Config.Saga)
				}
			}
			ctx, cancel := t.limitWait(c.Context())
			defer cancel()
			p.Connect = func(ctx context.Context) (*broker.Log, error) { return t.connectAs(ctx, p.Name, p.Logger) }
			return interrupted(ctx, p.Run(ctx, func(ctx context.Context, log *broker.Log, o agent.Options) error {
				return operator.Run(ctx, log, o, operators...)
			}))
		},
	}
	c.Flags().StringArrayVar(&files, "config", nil, "an operator's agent.yaml; may be repeated")
	c.Flags().StringVar(&listen, "listen", os.Getenv("UNWIND_LISTEN"), "address of /metrics, /healthz and /readyz; none: there is no page (default $UNWIND_LISTEN)")
	return c
}
