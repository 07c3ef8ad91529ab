package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/owed"
	"github.com/unwind-saga/unwind/services/unwind/report"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

func (t *tool) showCommand() *cobra.Command {
	var lines, raw bool
	c := &cobra.Command{
		Use:   "show <type> <id>",
		Short: "Show a saga: what ran when, how it stands, what it waits for",
		Long: `Show a saga: a lane for each agent, forward above and undoing below; a table of
the steps; what failed, why, and what came of it; and in a sentence how the saga
ended, or what it waits for, who owes it, and whether they are there.

Who is there is asked of the broker and of the agents. Nobody waits for them long:
an agent that does not answer at once counts as listening if the broker says that
somebody asks for its messages, and if the broker says nothing, neither does this. Of an answer that was no good, a line
tells what is wrong with it and how it began.

-o json has the keys type, id, status (running, waiting, unwinding,
completed, compensated, stuck or rejected), steps, events, says and waiting_for:
for each thing that is owed the step, agent, what, since, due, instances
(null: nobody answered), listens, last_seen, backlog, turns_at and says.`,
		Example: `  unwind saga show kyc order-1
  unwind saga show kyc order-1 --events
  unwind saga show kyc order-1 --raw --time iso
  unwind saga show kyc order-1 -o json | jq -r '.waiting_for[].agent'`,
		Args: takes(2, "type", "id"),
		RunE: func(c *cobra.Command, args []string) error { return t.show(c.Context(), args[0], args[1], lines, raw) },
	}
	c.Flags().BoolVar(&lines, "events", false, "each event too")
	c.Flags().BoolVar(&raw, "raw", false, "all that was kept of answers that were no good: it may hold what is nobody's business")
	t.outputFlag(c)
	t.timeFlag(c)
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
	s, history, p, err := t.look(ctx, log, typ, id)
	if len(history) == 0 {
		return err
	}
	// A history that makes no sense is shown all the same, and then why.
	if failed := t.view(typ, id, history, s, p, lines || s == nil, raw); failed != nil {
		return failed
	}
	return err
}

// view prints a saga. The state is nil when its history makes no sense.
func (t *tool) view(typ, id string, history []events.Event, s *saga.State, p owed.Presence, lines, raw bool) error {
	times := ink.Times{Mode: t.times, Now: time.Now()}
	if t.json() {
		r := report.Of(typ, id, history, s)
		if s != nil {
			r.Tell(s, history, p, times)
		}
		return t.print(r)
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
	return timeline.Print(t.out, history, s, times.Now, timeline.Options{
		Ink: in, Columns: columns, Raw: raw, Presence: p, Time: t.times,
	})
}
