package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
)

func (t *tool) rerunCommand() *cobra.Command {
	var a client.Again
	var dry bool
	c := &cobra.Command{
		Use:   "rerun <type> <id>",
		Short: "Begin a new saga with the task of one that has ended",
		Long: `Begin a new saga with the task of one that has ended, and print its id. The new
saga's history says whose task it is, and the old one's, unless it completed, where
it goes on.

With --from, what comes before that step is not done again: its results are taken
over, and marked so in the history. All else is done anew, also what stood beside
the step. Agents may be running meanwhile.

NOTHING IS OWED FOR WHAT IS TAKEN OVER. If the new saga turns, it stays as it is;
and what was undone when the old saga turned is not there any more. So results
whose effects were undone are refused, unless you say with --even-undone that
whatever follows does not need them: a seat that was given back is not booked
again by taking over its number.

If this command dies in the middle, run it again with the same --id: it goes on.
Otherwise that saga turns by itself at its deadline.`,
		Example: `  unwind saga rerun kyc order-1 --reason "the model is mended"
  unwind saga rerun kyc order-1 --from risk-scoring --dry-run
  unwind saga rerun kyc order-1 --from risk-scoring --id order-1-again --reason "the list was wrong"`,
		Args: takes(2, "type", "id"),
		RunE: func(c *cobra.Command, args []string) error {
			if strings.TrimSpace(a.Reason) == "" && !dry {
				return t.misuse(c, errors.New("--reason is missing: it stands in the sagas' histories"))
			}
			return t.rerun(c.Context(), args[0], args[1], a, dry)
		},
	}
	c.Flags().StringVar(&a.From, "from", "", "the step to begin with (default the beginning)")
	c.Flags().StringVar(&a.ID, "id", "", "the new saga's id, never used before (default a new UUID)")
	c.Flags().StringVar(&a.By, "by", me(), "who does it")
	c.Flags().StringVar(&a.Reason, "reason", "", "why; it stands in the sagas' histories (required)")
	c.Flags().BoolVar(&a.EvenUndone, "even-undone", false, "take over results whose effects were undone")
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be done")
	t.outputFlag(c)
	return c
}

// A rerunReport is what programs are told of a rerun. Its keys are fixed.
type rerunReport struct {
	Type  string   `json:"type"`
	Of    string   `json:"of"`
	ID    string   `json:"id"`
	Taken []string `json:"taken"` // the steps whose results are taken over
	Done  bool     `json:"done"`
}

func (t *tool) rerun(ctx context.Context, typ, id string, a client.Again, dry bool) error {
	a.ID = cmp.Or(a.ID, uuid.NewString())
	ctx, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	do := client.Rerun
	if dry {
		do = client.PlanRerun
	}
	r, err := do(ctx, log, typ, id, a)
	switch {
	case err != nil && !dry && ctx.Err() != nil:
		return fmt.Errorf("%w\nhint: part of it may be written; again with --id %s it goes on", err, a.ID)
	case err != nil:
		return err
	}
	report := rerunReport{Type: typ, Of: id, ID: r.ID, Taken: []string{}, Done: !dry}
	for _, taken := range r.Taken {
		report.Taken = append(report.Taken, taken.Step)
	}
	if t.json() {
		return t.print(report)
	}
	t.tellRerun(r, dry)
	if dry {
		return nil
	}
	_, err = fmt.Fprintln(t.out, r.ID)
	return err
}

func (t *tool) tellRerun(r saga.Rerun, dry bool) {
	verb := "was begun"
	if dry {
		verb = "would be begun"
	}
	if len(r.Taken) == 0 {
		t.say("a saga with the task of %s/%s %s; nothing is taken over", r.Type, r.Of, verb)
		return
	}
	t.say("a saga with the task of %s/%s %s, and takes over", r.Type, r.Of, verb)
	for _, taken := range r.Taken {
		note := ""
		switch {
		case taken.Skip:
			note = ", which was skipped"
		case taken.Undone:
			note = ", whose effect was undone"
		}
		t.say("  %s%s", taken.Step, note)
	}
}
