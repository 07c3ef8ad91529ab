package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/verify"
)

type verifyFlags struct {
	with, junit string
	list        bool
	output      bool
	config      verify.Config
}

func (t *tool) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify <agent.yaml>",
		Short: "Find out whether a live agent keeps the protocol",
		Long: `Start an agent, in whatever language it is written, on a broker of its own, and
play everybody else: upstream, the steps before and after, a twin, a person and
the clock. Each check is named after the rule that it tries. The exit code is 1 if
the agent breaks one.

The agent does its work in earnest, with the providers that its environment names.

It is tried with the tasks of the verify.yaml beside its file (--with names
another):

  completes:                       # a task that it completes; default {}
    task: {"from": "BER"}          # or the name of a .json file
    results: {quote: quote.json}   # what the steps before it answered
  refuses: {task: bad.json}        # one that it refuses
  fails: {task: down.json}         # one at which it fails each time, with an error that may pass
  world: ../drill                  # a program that counts effects, as for "unwind drill"
  env: {KYC_LEASE: 1s}             # of the agent: a short lease saves time

What is not given there is reported as not checked, and never as passed.

With --attach, the agent is started by you, with the NATS_URL that is told (--port
makes it the same each time), and is not killed. With --server or --context, the agent is one that
runs on that broker: it does the work of sagas whose ids begin with "verify-", and
what needs to stand between it and its broker is not checked.`,
		Example: `  unwind agent verify services/kyc/risk-scoring/agent.yaml
  unwind agent verify agent.yaml --only claim,join -o jsonl
  unwind agent verify agent.yaml --attach --port 4333
  unwind agent verify --list`,
		Args: func(c *cobra.Command, args []string) error {
			if f.list {
				return takes(0)(c, args)
			}
			return takes(1, "agent.yaml")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if f.list {
				return t.listChecks()
			}
			return t.verify(c.Context(), args[0], f)
		},
	}
	c.Flags().StringSliceVar(&f.config.Only, "only", nil, "run these checks alone")
	c.Flags().BoolVar(&f.list, "list", false, "name the checks, and where their rules are written")
	c.Flags().StringVar(&f.with, "with", "", "the file with the tasks (default: verify.yaml beside the agent's file)")
	c.Flags().BoolVar(&f.config.Attach, "attach", false, "the agent is started by somebody else")
	c.Flags().IntVar(&f.config.Port, "port", 0, "where the agent finds its broker, on the loopback interface (default: any free port)")
	c.Flags().DurationVar(&f.config.Limit, "limit", 0, "how long one check may take (default 20s and two leases)")
	c.Flags().DurationVar(&f.config.Start, "start", 30*time.Second, "how long the agent may take to listen")
	c.Flags().StringVar(&f.junit, "junit", "", "write the results to a file, as build servers read them")
	c.Flags().BoolVar(&f.output, "show-output", false, "show what the agent prints")
	_ = c.RegisterFlagCompletionFunc("only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, check := range verify.Checks() {
			names = append(names, check.Name+"\t"+check.Text)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	t.outputFlag(c)
	return c
}

// listed is a check as --list prints it.
type listed struct {
	Check string `json:"check"`
	Rule  string `json:"rule"`
	Text  string `json:"text"`
}

func (t *tool) listChecks() error {
	var list []listed
	table := ink.Table{Head: []string{"CHECK", "RULE", "WHAT"}}
	for _, c := range verify.Checks() {
		list = append(list, listed{c.Name, c.Rule, c.Text})
		table.Row(ink.Cell{Text: c.Name, Tone: ink.Strong}, ink.Cell{Text: c.Rule, Tone: ink.Quiet}, ink.Cell{Text: c.Text})
	}
	if t.json() {
		return printAll(t, list)
	}
	_, err := fmt.Fprintln(t.out, strings.Join(table.Lines(t.ink(t.out), ink.Columns(t.out)), "\n"))
	return err
}

func (t *tool) verify(ctx context.Context, file string, f verifyFlags) error {
	ctx, cancel := t.limitWait(ctx)
	defer cancel()
	subject, err := verify.Load(file, f.with)
	if err != nil {
		return err
	}
	if t.server != "" || t.context != "" {
		f.config.Connect = func(ctx context.Context) (*broker.Log, error) { return t.connect(ctx) }
	}
	if f.output {
		f.config.Output = t.err
	}
	if self, err := os.Executable(); err == nil {
		f.config.Unwind = self
	}
	f.config.Say = t.doing()
	f.config.Tell = func(r verify.Result) {
		switch {
		case t.format == asLines:
			err = errors.Join(err, t.print(r))
		case !t.json():
			f.config.Say("")
			_, failed := fmt.Fprintln(t.out, strings.Join(r.Lines(t.ink(t.out)), "\n"))
			err = errors.Join(err, failed)
		}
	}
	report, failed := verify.Run(ctx, subject, f.config)
	f.config.Say("")
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if t.format == asJSON {
		if err := t.print(report); err != nil {
			return err
		}
	}
	for _, note := range report.Notes {
		t.say("note: %s", note)
	}
	t.say("%s", report.Summary())
	if f.junit != "" {
		if err := writeJUnit(f.junit, report); err != nil {
			return err
		}
	}
	return report.Err()
}

func writeJUnit(name string, report verify.Report) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(report.JUnit(file), file.Close())
}

// doing says on stderr what is being done: on a terminal on one line that is
// overwritten, and else only what a person has to know.
func (t *tool) doing() func(string) {
	if t.ink(t.err).Symbols && ink.Columns(t.err) > 0 {
		return func(text string) { fmt.Fprintf(t.err, "\r\x1b[K%s", text) }
	}
	return func(text string) {
		if strings.Contains(text, "NATS_URL") {
			t.say("%s", text)
		}
	}
}
