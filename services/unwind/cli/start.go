package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/report"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

type startFlags struct {
	id, file, data, by string
	wait               bool
}

func (t *tool) startCommand() *cobra.Command {
	var f startFlags
	c := &cobra.Command{
		Use:   "start <type>",
		Short: "Submit a task, and print the id of its saga",
		Long: `Submit a task with which a saga begins, and print the saga's id.

With --wait, the saga's events are shown on standard error as they come, and the
exit code is 3 if it ends in any other way than completed. It also is when the
saga waits for a person, or is stuck and only a person can go on.`,
		Example: `  unwind saga start kyc -f application.json
  unwind saga start kyc --id order-1 --data '{"name": "Ada"}' --wait
  jq .order mail.json | unwind saga start kyc -f - --wait -o json`,
		Args: takes(1, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			if f.file != "" && f.data != "" {
				return t.misuse(c, errors.New("--file and --data: only one of them"))
			}
			return t.start(c.Context(), args[0], f)
		},
	}
	c.Flags().StringVar(&f.id, "id", "", "the saga's id, never used before (default a new UUID)")
	c.Flags().StringVarP(&f.file, "file", "f", "", "the task, as JSON; - is standard input (default {})")
	c.Flags().StringVar(&f.data, "data", "", "the task itself, as JSON")
	c.Flags().StringVar(&f.by, "by", me(), "who submits it")
	c.Flags().BoolVar(&f.wait, "wait", false, "wait until the saga ended")
	t.outputFlag(c)
	return c
}

func (t *tool) start(ctx context.Context, typ string, f startFlags) error {
	payload, err := t.payload(f)
	if err != nil {
		return err
	}
	bound := t.limit
	if f.wait {
		bound = t.limitWait
	}
	ctx, cancel := bound(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	id := cmp.Or(f.id, uuid.NewString())
	seq, err := client.Submit(ctx, log, typ, id, payload, f.by)
	if err != nil {
		return err
	}
	switch {
	case !f.wait && t.json():
		return t.print(map[string]any{"type": typ, "id": id, "seq": seq})
	case !t.json():
		if _, err := fmt.Fprintln(t.out, id); err != nil {
			return err
		}
	}
	if !f.wait {
		return nil
	}
	return t.wait(ctx, log, typ, id)
}

// payload reads the task.
func (t *tool) payload(f startFlags) ([]byte, error) {
	switch f.file {
	case "":
		return []byte(cmp.Or(f.data, "{}")), nil
	case "-":
		b, err := io.ReadAll(io.LimitReader(t.in, events.MaxPayload+1))
		if err != nil {
			return nil, fmt.Errorf("read the task from standard input: %w", err)
		}
		return b, nil
	default:
		b, err := os.ReadFile(f.file)
		if errors.Is(err, os.ErrNotExist) {
			return nil, &exit{exitError, fmt.Errorf("read the task: %w", err)}
		}
		return b, err
	}
}

// wait shows a saga until it ended, and how.
func (t *tool) wait(ctx context.Context, log *broker.Log, typ, id string) error {
	lines := live.New(t.err, live.Options{Ink: t.ink(t.err), Columns: ink.Columns(t.err)})
	var history []events.Event
	s, err := client.Watch(ctx, log, typ, id, func(e events.Event, _ *saga.State) error {
		history = append(history, e)
		return lines.Event(e)
	})
	if s != nil {
		t.say("")
		o := timeline.Options{Ink: t.ink(t.err), Columns: ink.Columns(t.err)}
		if err := timeline.Print(t.err, history, s, time.Now(), o); err != nil {
			return err
		}
		if t.json() {
			if err := t.print(report.Of(typ, id, history, s)); err != nil {
				return err
			}
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w\nhint: the saga goes on without you: `unwind saga show %s %s`", err, typ, id)
	case s.Status() != saga.Completed:
		return &exit{code: exitNotCompleted}
	}
	return nil
}
