package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/report"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

func (t *tool) showCommand() *cobra.Command {
	var lines, raw bool
	c := &cobra.Command{
		Use:   "show <type> <id>",
		Short: "Show a saga: what ran when, how it stands, what it waits for",
		Long: `Show a saga: a lane for each step with its attempts, a table of the steps, and
how the saga ended or what it waits for. Of an answer that was no good, a line
tells what is wrong with it and how it began.

-o json has the keys type, id, status (running, waiting, unwinding,
completed, compensated, stuck or rejected), steps and events.`,
		Example: `  unwind saga show kyc order-1
  unwind saga show kyc order-1 --events
  unwind saga show kyc order-1 --raw
  unwind saga show kyc order-1 -o json | jq -r .status`,
		Args: takes(2, "type", "id"),
		RunE: func(c *cobra.Command, args []string) error { return t.show(c.Context(), args[0], args[1], lines, raw) },
	}
	c.Flags().BoolVar(&lines, "events", false, "each event too")
	c.Flags().BoolVar(&raw, "raw", false, "all that was kept of answers that were no good: it may hold what is nobody's business")
	t.outputFlag(c)
	return c
}

func (t *tool) show(ctx context.Context, typ, id string, lines, raw bool) error {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	s, history, err := client.Load(ctx, log, typ, id, 0)
	if len(history) == 0 {
		return err
	}
	// A history that makes no sense is shown all the same, and then why.
	if failed := t.view(typ, id, history, s, lines || s == nil, raw); failed != nil {
		return failed
	}
	return err
}

// view prints a saga. The state is nil when its history makes no sense.
func (t *tool) view(typ, id string, history []events.Event, s *saga.State, lines, raw bool) error {
	if t.json() {
		return t.print(report.Of(typ, id, history, s))
	}
	in, columns := t.ink(t.out), ink.Columns(t.out)
	if lines {
		if err := live.New(t.out, live.Options{Ink: in, Columns: columns}).All(history); err != nil {
			return err
		}
	}
	if s == nil {
		return nil
	}
	return timeline.Print(t.out, history, s, time.Now(), timeline.Options{Ink: in, Columns: columns, Raw: raw})
}
