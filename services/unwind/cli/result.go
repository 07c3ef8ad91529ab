package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func (t *tool) resultCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "result <type> <id> [<step>]",
		Short: "Print what a step answered, or all of them",
		Long: `Print what a step of a saga answered, as JSON; without a step, one object with
what each step answered so far.

A result over 32 KiB is no part of the history: "show" has a reference to it, and
this command reads it. What was read is compared with its digest. A file is
written in full or not at all. Here -o is a file: the answer is JSON in any case.`,
		Example: `  unwind saga result kyc order-1 face-matching
  unwind saga result route order-1 plan -o plan.json`,
		Args: takes(2, "type", "id", "step"),
		RunE: func(c *cobra.Command, args []string) error {
			// Elsewhere -o is a format, and nobody means a file of such a name.
			if slices.Contains([]string{asText, asJSON, asLines}, file) {
				return t.misuse(c, fmt.Errorf("-o %s: it is a file, and the answer is JSON in any case; leave it out, or say ./%[1]s", file))
			}
			return t.result(c.Context(), args[0], args[1], args[2:], file)
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "", "the file to write (default standard output)")
	return c
}

func (t *tool) result(ctx context.Context, typ, id string, step []string, file string) error {
	soon, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(soon)
	if err != nil {
		return err
	}
	defer log.Close()
	s, _, err := client.Load(soon, log, typ, id, 0)
	if err != nil {
		return err
	}
	ctx, end := t.limitWait(ctx) // a large one takes as long as it takes
	defer end()
	var answer any
	if len(step) > 0 {
		answer, err = t.answer(ctx, log, s, step[0])
	} else {
		answer, err = t.answers(ctx, log, s)
	}
	if err != nil {
		return err
	}
	return t.write(file, answer)
}

// answers reads what each step answered that has.
func (t *tool) answers(ctx context.Context, log *broker.Log, s *saga.State) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for _, st := range s.Steps {
		data, err := t.answer(ctx, log, s, st.Name)
		switch {
		case err == nil:
			all[st.Name] = data
		case !errors.Is(err, client.ErrNoResult):
			return nil, err
		}
	}
	return all, nil
}

func (t *tool) answer(ctx context.Context, log *broker.Log, s *saga.State, step string) (json.RawMessage, error) {
	data, ref, err := client.ResultOf(s, step)
	if err != nil || ref == nil {
		return data, err
	}
	progress, done := t.progress(step, *ref)
	defer done()
	return log.Fetch(ctx, s.Type, *ref, progress)
}

// worthTelling is the size from which on reading a result is told.
const worthTelling = 1 << 20

// progress tells how far the reading of a large result is: on a terminal as it
// goes, elsewhere once.
func (t *tool) progress(step string, ref events.Ref) (tell func(int64), done func()) {
	quiet := func() {}
	switch {
	case ref.Size < worthTelling:
		return nil, quiet
	case ink.Columns(t.err) == 0:
		t.say("reading the result of %s, %s", step, mebibytes(ref.Size))
		return nil, quiet
	}
	tell = func(n int64) {
		fmt.Fprintf(t.err, "\rreading the result of %s, %s of %s", step, mebibytes(n), mebibytes(ref.Size))
	}
	return tell, func() { t.say("") }
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// write prints an answer, or puts it into a file that was not there before it
// is complete.
func (t *tool) write(file string, answer any) (err error) {
	if file == "" {
		return t.encode(t.out, answer)
	}
	whole, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(whole.Name())
			err = fmt.Errorf("write the result: %w", err)
		}
	}()
	if err := errors.Join(t.encode(whole, answer), whole.Close()); err != nil {
		return err
	}
	return os.Rename(whole.Name(), file)
}

func (t *tool) encode(w io.Writer, answer any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(answer)
}
