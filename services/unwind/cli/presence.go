package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/owed"
)

// blink is how long agents have to say that they are there. Who looks at a saga
// does not want to wait for them.
const blink = 25 * time.Millisecond

// timeFlag adds --time to a command.
func (t *tool) timeFlag(c *cobra.Command) {
	c.Flags().StringVar(&t.times, "time", ink.Relative, "how times are told: relative, iso or utc")
	_ = c.RegisterFlagCompletionFunc("time", cobra.FixedCompletions(ink.TimeModes, cobra.ShellCompDirectiveNoFileComp))
}

// look reads a saga, and who is there at the same moment. Who is there is asked
// for nothing if the saga has ended, and then not waited for.
func (t *tool) look(ctx context.Context, log events.Log, typ, id string) (*saga.State, []events.Event, owed.Presence, error) {
	asking, stop := context.WithTimeout(ctx, blink)
	defer stop()
	answer := make(chan owed.Presence, 1)
	go func() { answer <- presence(asking, log, typ) }()
	s, history, err := client.Load(ctx, log, typ, id, 0)
	if s == nil || s.Ended() {
		stop()
	}
	p := <-answer // at once when nobody is to be waited for
	return s, history, p, err
}

func presence(ctx context.Context, log events.Log, typ string) owed.Presence {
	d, ok := log.(events.Directory)
	if !ok {
		return owed.Presence{}
	}
	return owed.Look(ctx, d, typ)
}
