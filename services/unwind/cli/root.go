package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Main runs the program with the process's arguments and returns its exit code.
func Main() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // the second one ends the process at once
		cancel(errInterrupted)
	}()
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// A tool is one run of the program: its streams and its global flags.
type tool struct {
	in       io.Reader
	out, err io.Writer

	server, context, creds string
	colour, format, times  string
	timeout                time.Duration

	ran bool // flags and arguments were understood
}

func run(ctx context.Context, args []string, in io.Reader, out, err io.Writer) int {
	t := &tool{in: in, out: out, err: err}
	root := t.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(err)
	failed := root.ExecuteContext(ctx)
	if failed == nil {
		return exitOK
	}
	complain(err, t.ink(err), failed)
	if !t.ran {
		return exitUsage
	}
	return codeOf(ctx, failed)
}

func (t *tool) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "unwind",
		Short: "Run, watch and mend sagas",
		Long: `unwind runs, watches and mends sagas: workflows carried by agents that know
nothing of each other, over NATS JetStream. A saga that fails is undone, step by
step, by the agents that did it.

Begin with "unwind dev" in a folder of agents, and "unwind saga start" in another
terminal.`,
		Example: `  unwind dev services/kyc
  unwind saga start kyc -f application.json --wait
  unwind saga show kyc order-1`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return t.understand(c)
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&t.server, "server", "", "the broker's URL (default $NATS_URL, else nats://127.0.0.1:4222)")
	flags.StringVar(&t.context, "context", "", "a context of the nats tool, instead of a URL")
	flags.StringVar(&t.creds, "creds", "", "a credentials file for the broker")
	flags.StringVar(&t.colour, "color", "auto", "auto, always or never; NO_COLOR is respected")
	flags.DurationVar(&t.timeout, "timeout", 0, "how long the command may take (default 10s; without limit for those that wait)")
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Sagas, and who is on call for them:", []*cobra.Command{
			t.sagaCommand(), t.eventCommand(), t.inboxCommand(), t.stepCommand(), t.dlqCommand(), t.replayCommand(),
		}},
		{"Agents:", []*cobra.Command{
			t.devCommand(), t.agentCommand(), t.graphCommand(), t.lintCommand(), t.drillCommand(), t.operatorCommand(),
		}},
		{"Around them:", []*cobra.Command{
			t.serveCommand(), t.indexCommand(), t.doctorCommand(), t.exportCommand(), t.manCommand(), t.versionCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.title
			root.AddCommand(c)
		}
		root.SetHelpCommandGroupID(group.title) // the last
		root.SetCompletionCommandGroupID(group.title)
	}
	t.complete(root)
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(misused)
	return root
}

// understand checks the global flags, when all others were read.
func (t *tool) understand(c *cobra.Command) error {
	if _, err := ink.Choose(t.colour, t.out); err != nil {
		return misused(c, err)
	}
	if f := c.Flags().Lookup("output"); f != nil && !slices.Contains(f.Annotations[formatsKey], t.format) {
		return misused(c, fmt.Errorf("output %q: want %s", t.format, either(f.Annotations[formatsKey])))
	}
	if _, err := ink.ChooseTimes(t.times, time.Time{}); err != nil {
		return misused(c, err)
	}
	if t.timeout < 0 {
		return misused(c, errors.New("timeout: must not be negative"))
	}
	t.ran = true
	return nil
}

// misuse is for what is wrong with flags and only a command can tell.
func (t *tool) misuse(c *cobra.Command, err error) error {
	t.ran = false
	return misused(c, err)
}

// misused adds where to read how a command is used.
func misused(c *cobra.Command, err error) error {
	return fmt.Errorf("%w\nhint: `%s --help` tells how it is used", err, c.CommandPath())
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		err := fmt.Errorf("no command %q", strings.TrimPrefix(c.CommandPath()+" "+args[0], "unwind "))
		c.SuggestionsMinimumDistance = 2
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("%w\nhint: did you mean `%s %s`?", err, c.CommandPath(), near[0])
		}
		return misused(c, err)
	}
	return misused(c, fmt.Errorf("%s takes no arguments, but has %q", c.CommandPath(), args[0]))
}

// takes checks the number of arguments, and says which there are.
func takes(least int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return misused(c, fmt.Errorf("%s: <%s> is missing", c.CommandPath(), names[len(args)]))
		case len(args) > len(names):
			return misused(c, fmt.Errorf("%s takes no more than <%s>, but has %d arguments", c.CommandPath(), strings.Join(names, "> <"), len(args)))
		}
		return nil
	}
}

// ink is what may be used on a stream. The mode was checked before.
func (t *tool) ink(w io.Writer) ink.Ink {
	in, _ := ink.Choose(t.colour, w)
	return in
}

// say tells a person something that is not the command's answer.
func (t *tool) say(format string, args ...any) { fmt.Fprintf(t.err, format+"\n", args...) }
