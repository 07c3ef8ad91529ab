package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/report"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

func (t *tool) watchCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "watch [<type> [<id>]]",
		Short: "Show events as they happen",
		Long: `Show events as they happen, one on each line: of one saga from its first event
until it ended, of all sagas of a type, or of everything. What happened before, and
only some of the events, are shown by "unwind event tail", in the same lines.

-o json prints an object on each line.`,
		Example: `  unwind saga watch
  unwind saga watch kyc
  unwind saga watch kyc order-1
  unwind saga watch kyc -o json | jq -c 'select(.event | startswith("failed"))'`,
		Args: takes(0, "type", "id"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := t.limitWait(c.Context())
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			if len(args) == 2 {
				return t.watchOne(ctx, log, args[0], args[1])
			}
			return t.watchMany(ctx, log, args, all)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "begin with the first event that is kept, not with the next one")
	t.outputFlag(c)
	return c
}

// watchOne shows a saga until it ended, and then as a whole.
func (t *tool) watchOne(ctx context.Context, log *broker.Log, typ, id string) error {
	see := t.seer(live.Options{})
	var history []events.Event
	s, err := client.Watch(ctx, log, typ, id, func(e events.Event, _ *saga.State) error {
		history = append(history, e)
		return see(e)
	})
	if err != nil || t.json() {
		return err
	}
	fmt.Fprintln(t.out)
	return timeline.Print(t.out, history, s, time.Now(), timeline.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)})
}

// seer prints events, as lines or as JSON.
func (t *tool) seer(o live.Options) func(events.Event) error {
	if !t.json() {
		o.Ink, o.Columns = t.ink(t.out), ink.Columns(t.out)
		return live.New(t.out, o).Event
	}
	var mu sync.Mutex
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	return func(event events.Event) error {
		mu.Lock()
		defer mu.Unlock()
		return e.Encode(struct {
			Type string `json:"type"`
			ID   string `json:"id"`
			report.Event
		}{event.Subject.Type, event.Subject.ID, report.EventOf(event)})
	}
}

// watchMany shows the events of a type, or of all, also of those that are new,
// until ctx is done.
func (t *tool) watchMany(ctx context.Context, log *broker.Log, types []string, all bool) error {
	w := t.watcher(log, live.Options{Several: true, Types: len(types) == 0})
	return w.run(ctx, types, all)
}

// watchCrew shows the events of a crew's sagas since it was started.
func (t *tool) watchCrew(ctx context.Context, crew *dev.Crew, types []string, o live.Options) error {
	o.Several, o.Types = true, len(types) > 1
	w := t.watcher(crew.Log(), o)
	for _, typ := range types {
		w.from[typ] = crew.First(typ)
	}
	return w.run(ctx, types, false)
}

// A watcher follows types.
type watcher struct {
	log       *broker.Log
	from      map[string]uint64 // where to begin, by type; default the next event
	lines     *live.Lines
	see       func(events.Event) error
	passes    func(events.Event) bool // nil: all
	plain     bool                    // see needs to know nothing of what came before
	following sync.WaitGroup
}

func (t *tool) watcher(log *broker.Log, o live.Options) *watcher {
	o.Ink, o.Columns = t.ink(t.out), ink.Columns(t.out)
	w := &watcher{log: log, from: map[string]uint64{}, lines: live.New(t.out, o)}
	w.see = w.lines.Event
	if t.json() {
		w.see, w.plain = t.seer(o), true
	}
	return w
}

// run follows until ctx is done, which it returns as an error, or until
// something goes wrong.
func (w *watcher) run(ctx context.Context, types []string, all bool) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer w.following.Wait()
	defer stop(nil)
	for _, typ := range types {
		if err := w.follow(ctx, stop, typ, all); err != nil {
			return err
		}
	}
	if len(types) == 0 {
		if err := w.discover(ctx, stop, all); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// discover follows all types, also those that come to be.
func (w *watcher) discover(ctx context.Context, stop context.CancelCauseFunc, all bool) error {
	var known []string
	for ; ; all = true { // a type that is new since the last look is shown from its start
		found, err := w.log.Types(ctx)
		if err != nil {
			return err
		}
		for _, typ := range found {
			if slices.Contains(known, typ) {
				continue
			}
			if err := w.follow(ctx, stop, typ, all); err != nil {
				return err
			}
			known = append(known, typ)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
}

func (w *watcher) follow(ctx context.Context, stop context.CancelCauseFunc, typ string, all bool) error {
	from := w.from[typ]
	if from == 0 && !all {
		next, err := dev.Next(ctx, w.log, typ)
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		from = next
	}
	w.following.Go(func() {
		if err := w.log.Follow(ctx, typ, "", from, func(e events.Event) error { return w.show(ctx, e) }); err != nil {
			stop(err)
		}
	})
	return nil
}

// show shows an event, if it passes.
func (w *watcher) show(ctx context.Context, e events.Event) error {
	passes := w.passes == nil || w.passes(e)
	switch {
	case w.plain && passes:
		return w.see(e)
	case w.plain:
		return nil
	case !passes && !w.lines.Knows(e) && e.Subject.Kind != events.Submitted:
		return nil // what came before is read once one of its events passes
	case !passes:
		w.lines.Skip(e)
		return nil
	}
	if err := w.lines.Prepare(ctx, w.log, e); err != nil {
		return err
	}
	return w.see(e)
}
