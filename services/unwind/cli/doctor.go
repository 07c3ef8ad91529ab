package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/services/unwind/doctor"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func (t *tool) doctorCommand() *cobra.Command {
	var config doctor.Config
	c := &cobra.Command{
		Use:   "doctor [<type>...]",
		Short: "Look for what is wrong, or will be",
		Long: `Look at everything that sagas depend on: the broker, its clock and its store, the
streams and their settings, what this user may, the agents, and what waits for
agents that are not there.

It changes nothing. The exit code is 1 when sagas stand still or events are not safe.

-o json has for each finding the keys check, saga, level (ok, note, warning or
error), text and hint.`,
		Example: `  unwind doctor
  unwind doctor kyc --monitor http://127.0.0.1:8222
  unwind doctor -o jsonl | jq 'select(.level != "ok")'`,
		RunE: func(c *cobra.Command, args []string) error {
			config.Types = args
			return t.doctor(c.Context(), config)
		},
	}
	c.Flags().StringVar(&config.Monitor, "monitor", "", "the monitoring port of a server, to learn when it syncs its disk")
	t.outputFlag(c)
	return c
}

func (t *tool) doctor(ctx context.Context, config doctor.Config) error {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	var findings []doctor.Finding
	count := map[doctor.Level]int{}
	err = doctor.Examine(ctx, log, config, func(f doctor.Finding) error {
		count[f.Level]++
		switch t.format {
		case asLines:
			return t.print(f)
		case asJSON:
			findings = append(findings, f)
			return nil
		default:
			return t.tellFinding(f)
		}
	})
	if err != nil {
		return err
	}
	if t.format == asJSON {
		err = t.print(findings)
	}
	t.say("well: %d, notes: %d, warnings: %d, errors: %d", count[doctor.Well], count[doctor.Note], count[doctor.Warning], count[doctor.Bad])
	if err == nil && count[doctor.Bad] > 0 {
		return &exit{code: exitError}
	}
	return err
}

func (t *tool) tellFinding(f doctor.Finding) error {
	in := t.ink(t.out)
	look := map[doctor.Level]struct {
		mark string
		tone ink.Tone
	}{doctor.Well: {"✔", ink.Good}, doctor.Note: {"·", ink.Quiet}, doctor.Warning: {"!", ink.Warn}, doctor.Bad: {"✖", ink.Bad}}[f.Level]
	about := f.Check
	if f.Saga != "" {
		about += " " + f.Saga
	}
	if _, err := fmt.Fprintf(t.out, "%s %-18s %s\n", in.Paint(look.tone, look.mark), about, ink.Clean(f.Text)); err != nil {
		return err
	}
	if f.Hint == "" {
		return nil
	}
	_, err := fmt.Fprintf(t.out, "  %-18s %s %s\n", "", in.Paint(ink.Warn, "hint:"), ink.Clean(f.Hint))
	return err
}
