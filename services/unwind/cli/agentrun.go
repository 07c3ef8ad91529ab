package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/host"
	"github.com/unwind-saga/unwind/services/unwind/sidecar"
)

func (t *tool) agentRunCommand() *cobra.Command {
	var file, listen, format string
	var grace time.Duration
	c := &cobra.Command{
		Use:   "run --config <agent.yaml>",
		Short: "Be the agent of a program in any language",
		Long: `Be the agent of a program in any language: this process speaks the protocol, the
program does the work. Its YAML file says how it is asked:

  agent: document-validation
  saga: kyc
  after: [id-extraction]
  handler: {http: "http://127.0.0.1:8080/perform"}
  compensation: {http: "http://127.0.0.1:8080/compensate"}

or handler: {exec: [python3, agent.py]}, a program that is started for each call, with
JSON on its standard input and output. With handler: {http: ..., start: [python3,
agent.py]} the program is started beside the agent, and started again when it dies.

A call is a CloudEvent in binary mode, with an Idempotency-Key that is the same for each
attempt. The program answers {"outcome": "completed", "data": ..., "undo": ...}, or
refused, retry, unavailable, pending or unknown with an "error" {"code", "message",
"retry_after"}; or plainly by its HTTP status. Package services/unwind/sidecar tells all
of it; services/polyglot has an agent in Python.`,
		Example: `  unwind agent run --config agent.yaml
  unwind agent run -f agent.yaml --listen 127.0.0.1:9464 --log json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return t.misuse(c, errors.New("--log "+format+": want text or json"))
			}
			cfg, err := config.Load(file)
			if err != nil {
				return &exit{exitError, err}
			}
			ctx, cancel := t.limitWait(c.Context())
			defer cancel()
			return interrupted(ctx, t.runSidecar(ctx, cfg, host.Process{Listen: listen, Logger: host.Logger(t.err, format)}, grace))
		},
	}
	c.Flags().StringVarP(&file, "config", "f", "agent.yaml", "the agent's file")
	c.Flags().StringVar(&listen, "listen", os.Getenv("UNWIND_LISTEN"), "address of /metrics, /healthz and /readyz (default $UNWIND_LISTEN, else there is no page)")
	c.Flags().StringVar(&format, "log", "text", "text or json")
	c.Flags().DurationVar(&grace, "grace", 10*time.Second, "how long work under way may go on when it is told to stop")
	return c
}

// runSidecar runs the agent, and the program that is started beside it. The program
// goes last: what is under way needs it.
func (t *tool) runSidecar(ctx context.Context, cfg config.Config, p host.Process, grace time.Duration) error {
	h, err := sidecar.New(cfg, p.Logger)
	if err != nil {
		return &exit{exitError, err}
	}
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		sidecar.Keep(beside, cfg, grace, p.Logger)
	}()
	defer func() { stop(); <-gone }()
	p.Name, p.Types, p.Instance = cfg.Agent, []string{cfg.Saga}, cfg.Agent+"@"+uuid.NewString()[:8]
	p.Connect = func(ctx context.Context) (*broker.Log, error) { return t.connectPatiently(ctx, cfg.Agent, p.Logger) }
	return p.Run(ctx, func(ctx context.Context, log *broker.Log, o agent.Options) error {
		if err := sidecar.Await(ctx, cfg, p.Logger); err != nil {
			return err
		}
		o.Instance, o.Grace = p.Instance, grace
		return o.Run(ctx, log, cfg, h)
	})
}
