package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func (t *tool) lintCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lint [<folder or file>...]",
		Short: "Check the agents' files, each by itself and all together",
		Long: `Check every agent.yaml (and <name>.agent.yaml) below folders: each by itself,
and, if none has a mistake, all of a saga type together. The exit code is 1 if
there is an error.`,
		Example: `  unwind lint
  unwind lint services/kyc -o json
  unwind lint a/agent.yaml b/agent.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			return t.lint(args)
		},
	}
	t.outputFlag(c)
	return c
}

// A remark is a mistake or a finding, as lint -o json prints it.
type remark struct {
	Severity lint.Severity `json:"severity"`
	Code     lint.Code     `json:"code"`
	Saga     string        `json:"saga,omitempty"`
	File     string        `json:"file,omitempty"`
	Line     int           `json:"line,omitempty"`
	Column   int           `json:"column,omitempty"`
	Path     string        `json:"path,omitempty"`
	Text     string        `json:"text"`
	Hint     string        `json:"hint,omitempty"`
}

// mistake is the code of what is wrong with one file by itself.
const mistake lint.Code = "mistake"

func remarks(c dev.Cast) []remark {
	list := []remark{}
	for _, m := range c.Mistakes {
		list = append(list, remark{
			Severity: lint.Error, Code: mistake, File: m.File, Line: m.Line, Column: m.Column, Path: m.Path, Text: m.Text,
		})
	}
	for _, f := range c.Findings {
		list = append(list, remark{
			Severity: f.Severity, Code: f.Code, Saga: f.Saga, Text: f.Text, Hint: f.Hint,
			File: f.Place.File, Line: f.Place.Line, Column: f.Place.Column,
		})
	}
	return list
}

func (t *tool) lint(paths []string) error {
	cast, err := dev.Find(paths...)
	if err != nil {
		return err
	}
	if t.json() {
		if err := printAll(t, remarks(cast)); err != nil {
			return err
		}
	} else {
		tellRemarks(t.out, t.ink(t.out), remarks(cast))
		t.say("%s", summary(cast))
	}
	if cast.Errors() {
		return &exit{code: exitError}
	}
	return nil
}

// tellRemarks prints remarks as compilers do.
func tellRemarks(w io.Writer, in ink.Ink, list []remark) {
	tones := map[lint.Severity]ink.Tone{lint.Error: ink.Bad, lint.Warning: ink.Warn, lint.Note: ink.Quiet}
	for _, r := range list {
		place := config.Place{File: r.File, Line: r.Line, Column: r.Column}.String()
		var parts []string
		for _, part := range []string{place, in.Paint(tones[r.Severity], string(r.Severity)), r.Path, r.Text} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		fmt.Fprintf(w, "%s %s\n", strings.Join(parts, ": "), in.Paint(ink.Quiet, "["+string(r.Code)+"]"))
		if r.Hint != "" {
			fmt.Fprintf(w, "    hint: %s\n", r.Hint)
		}
	}
}

// summary counts what was found.
func summary(c dev.Cast) string {
	n := map[lint.Severity]int{}
	for _, r := range remarks(c) {
		n[r.Severity]++
	}
	return fmt.Sprintf("%d files: %d errors, %d warnings, %d notes", len(c.Files), n[lint.Error], n[lint.Warning], n[lint.Note])
}
