package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/casefile"
	"github.com/unwind-saga/unwind/saga/client"
)

type exportFlags struct {
	file   string
	redact []string
	task   bool // redact all of it
}

func (t *tool) sagaExportCommand() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export <type> <id>...",
		Short: "Write a saga's whole history to a file",
		Long: `Write a saga's whole history to one file, large results too: to step through it
with "unwind replay", to try another build of an agent on it, or to make a test of
it with sagatest.Replay. Nothing is changed.

Several sagas are written as JSON lines, one after the other; with - for an id,
their ids are read from standard input: one on each line, or the lines of
"saga list -o jsonl".

A history holds what upstream submitted and what agents answered: PERSONAL DATA, and
whatever a provider put into an answer that was no good. --redact takes out what a
path names, wherever it was copied to in the history:

  /task/applicant/name     a part of the task
  /results/scan/pages/*    a part of what a step answered; * is every key
  /undo/scan               what undoing the step needs
  /errors                  the text of errors, and answers that were no good

A text becomes redacted-1, the same wherever it stands, and is looked for in the
rest of the history too if it has four letters or more; a number becomes 0. What an
agent has made of such a value cannot be found: read a file before you give it
away. The saga's id and who submitted it stay.`,
		Example: `  unwind saga export kyc order-1 -f testdata/order-1.json
  unwind saga export kyc order-1 --redact /task/name --redact '/results/*/mrz' > order-1.json
  unwind saga list kyc --failed -o jsonl | unwind saga export kyc - --redact-task -f failed.jsonl`,
		Args: takesMany,
		RunE: func(c *cobra.Command, args []string) error {
			return t.export(c.Context(), args[0], args[1:], f)
		},
	}
	c.Flags().StringVarP(&f.file, "file", "f", "", "the file to write, in full or not at all (default standard output)")
	c.Flags().StringArrayVar(&f.redact, "redact", nil, "a path to take out; may be given again")
	c.Flags().BoolVar(&f.task, "redact-task", false, "take out the whole task")
	return c
}

func (t *tool) export(ctx context.Context, typ string, ids []string, f exportFlags) error {
	if f.task {
		f.redact = append(f.redact, "/task")
	}
	soon, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(soon)
	if err != nil {
		return err
	}
	defer log.Close()
	ctx, end := t.limitWait(ctx)
	defer end()
	write := func(w io.Writer) error { return t.exportAll(ctx, log, typ, ids, f.redact, w) }
	if f.file == "" {
		return write(t.out)
	}
	return writeWhole(f.file, write)
}

// exportAll writes one case after the other. A path that names nothing in one saga
// may name something in another; one that never does is an error.
func (t *tool) exportAll(ctx context.Context, log *broker.Log, typ string, ids, redact []string, w io.Writer) error {
	agents, err := declared(ctx, log, typ)
	if err != nil {
		return err
	}
	written, missed := 0, 0
	var miss error
	err = t.ids(ids, func(id string) error {
		c, err := t.caseOf(ctx, log, typ, id)
		if err != nil {
			return err
		}
		c.Agents = agents
		err = c.Redact(redact...)
		switch {
		case errors.Is(err, casefile.ErrNothingRedacted) && many(ids):
			missed, miss = missed+1, err
		case err != nil:
			return hinted(err)
		}
		written++
		if many(ids) {
			return c.WriteLine(w)
		}
		return c.Write(w)
	})
	switch {
	case err != nil:
		return err
	case missed == written && missed > 0:
		return hinted(miss)
	case missed > 0:
		t.say("in %d of %d sagas a path names nothing; the last: %v", missed, written, miss)
	}
	if many(ids) {
		t.say("%d sagas exported", written)
	}
	return nil
}

func hinted(err error) error {
	return fmt.Errorf("%w\nhint: nothing was written; `unwind saga result <type> <id>` shows what the steps answered, and `unwind saga show -o json` all the rest", err)
}

// caseOf reads a saga as it is written to a file.
func (t *tool) caseOf(ctx context.Context, log *broker.Log, typ, id string) (*casefile.Case, error) {
	// A history that makes no sense is exported all the same.
	_, history, err := client.Load(ctx, log, typ, id, 0)
	if len(history) == 0 {
		return nil, err
	}
	c, err := casefile.New(history, time.Now())
	if err != nil {
		return nil, err
	}
	if err := c.Embed(ctx, log); errors.Is(err, events.ErrNoObject) || errors.Is(err, events.ErrCorrupt) {
		t.say("saga %s/%s: a large result is missing in the file: %v", typ, id, err)
	} else if err != nil {
		return nil, err
	}
	return c, nil
}

// glanceAtAgents is how long the agents that run may take to say how they are
// configured. A file without that is as good.
const glanceAtAgents = 2 * time.Second

// declared asks the agents of a type for their configurations, if the broker can.
func declared(ctx context.Context, log any, typ string) ([]json.RawMessage, error) {
	directory, ok := log.(events.Directory)
	if !ok {
		return nil, nil
	}
	soon, cancel := context.WithTimeout(ctx, glanceAtAgents)
	defer cancel()
	instances, err := directory.Instances(soon, typ)
	if err != nil {
		return nil, ctx.Err()
	}
	seen := map[string]bool{}
	var list []json.RawMessage
	for _, i := range instances {
		if !seen[i.Agent] && len(i.Declared) > 0 {
			seen[i.Agent] = true
			list = append(list, i.Declared)
		}
	}
	return list, nil
}

// writeWhole writes a file that was not there before it is complete.
func writeWhole(file string, write func(io.Writer) error) (err error) {
	whole, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(whole.Name())
		}
	}()
	err = write(whole)
	if failed := whole.Close(); err == nil && failed != nil {
		err = fmt.Errorf("write the file: %w", failed)
	}
	if err != nil {
		return err
	}
	return os.Rename(whole.Name(), file)
}
