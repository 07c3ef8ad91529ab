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

const (
	// blink is how long agents have at least to say that they are there, after the
	// history was read. Who looks at a saga does not want to wait for them. Of a
	// broker that is far away they have four times as long as that took.
	blink = 12 * time.Millisecond
	// longestLook is how long the broker may take to tell what waits for them.
	longestLook = 250 * time.Millisecond
)

// timeFlag adds --time to a command.
func (t *tool) timeFlag(c *cobra.Command) {
	c.Flags().StringVar(&t.times, "time", ink.Relative, "how times are told: relative, iso or utc")
	_ = c.RegisterFlagCompletionFunc("time", cobra.FixedCompletions(ink.TimeModes, cobra.ShellCompDirectiveNoFileComp))
}

// look reads a saga, and asks at the same moment who is there: for nothing if the
// saga has ended, and then nobody is waited for.
func (t *tool) look(ctx context.Context, log events.Log, typ, id string) (*saga.State, []events.Event, owed.Presence, error) {
	asking, end := context.WithTimeout(ctx, longestLook)
	defer end()
	soon, enough := context.WithCancelCause(asking)
	defer enough(nil)
	answer := make(chan owed.Presence, 1)
	go func() { answer <- owed.Look(asking, soon, log, typ) }()
	began := time.Now()
	s, history, err := client.Load(ctx, log, typ, id, 0)
	if s == nil || s.Ended() {
		end()
	} else {
		wait := max(blink, 4*time.Since(began))
		defer time.AfterFunc(wait, func() { enough(context.DeadlineExceeded) }).Stop()
	}
	return s, history, <-answer, err
}
