package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

type devFlags struct {
	store, sync    string
	port, replicas int
	quiet          bool
}

func (t *tool) devCommand() *cobra.Command {
	var f devFlags
	c := &cobra.Command{
		Use:   "dev [<folder or file>...]",
		Short: "Run a broker and agents on this machine, and watch",
		Long: `Run a broker and every agent whose agent.yaml is below the folders (default: this
one), each as a process of its own, and show events as they happen.

An agent is started by the command in its agent.yaml, or else the folder's Go
program is built and started with --config <agent.yaml>. It finds the broker by
NATS_URL. One that dies is started again.

The broker keeps its events in the store, across restarts. By default it writes
them to the disk every two minutes: a power loss may cost what was acknowledged
since. --sync always writes each one before it is acknowledged, which is ten and
more times slower.`,
		Example: `  unwind dev
  unwind dev services/kyc --replicas 2
  unwind dev services/kyc --port 0 --store /tmp/kyc --sync always`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			config, err := t.devConfig(f)
			if err != nil {
				return t.misuse(c, err)
			}
			return t.dev(c.Context(), config, args)
		},
	}
	c.Flags().StringVar(&f.store, "store", ".unwind", "folder for the broker's events and for built programs")
	c.Flags().IntVar(&f.port, "port", 4222, "the broker's port; 0 is any free one")
	c.Flags().StringVar(&f.sync, "sync", "2m", "write events to the disk: always, or so often")
	c.Flags().IntVar(&f.replicas, "replicas", 1, "processes for each agent")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "do not show what the agents print")
	return c
}

func (t *tool) devConfig(f devFlags) (dev.Config, error) {
	c := dev.Config{
		Store: f.store, URL: t.server, Port: f.port, Replicas: f.replicas,
		Output: t.err, Ink: t.ink(t.err),
		Logger: slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	// Where it can't be found out, unwind is looked for like any command.
	c.Unwind, _ = os.Executable()
	switch {
	case f.replicas < 1:
		return c, fmt.Errorf("--replicas %d: at least one is needed", f.replicas)
	case f.port < 0 || f.port > 65535:
		return c, fmt.Errorf("--port %d: want 0 to 65535", f.port)
	case t.context != "" || t.creds != "":
		return c, errors.New("dev runs its own broker, or one at --server; it takes no --context and no --creds")
	}
	c.Quiet = f.quiet
	if f.sync == "always" {
		c.SyncAlways = true
		return c, nil
	}
	interval, err := time.ParseDuration(f.sync)
	if err != nil || interval <= 0 {
		return c, fmt.Errorf("--sync %q: want always, or a duration such as 10s", f.sync)
	}
	c.SyncInterval = interval
	return c, nil
}

// dev runs a crew until it is told to stop, which is no error.
func (t *tool) dev(ctx context.Context, config dev.Config, paths []string) error {
	cast, err := dev.Find(paths...)
	if err != nil {
		return err
	}
	tellRemarks(t.err, config.Ink, worth(remarks(cast)))
	if cast.Errors() {
		return fmt.Errorf("nothing is started: %s\nhint: `unwind lint` tells it again", summary(cast))
	}
	ctx, cancel := t.limitWait(ctx)
	defer cancel()
	if n := cast.ToBuild(); n > 0 {
		t.say("build   %d Go programs, which takes a while the first time", n)
	}
	crew, err := dev.Start(ctx, config, cast.Programs)
	if err != nil && strings.Contains(err.Error(), "address already in use") {
		err = fmt.Errorf("%w\nhint: does another broker run there? --port 0 takes any free port, --server another broker", err)
	}
	if err != nil {
		return interrupted(ctx, err)
	}
	defer t.stop(crew)
	t.greet(crew, cast, config)
	return interrupted(ctx, t.attend(ctx, crew, cast))
}

// interrupted says that to be told to stop is how dev ends.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// greet says what runs, and what to do next.
func (t *tool) greet(crew *dev.Crew, cast dev.Cast, config dev.Config) {
	in := config.Ink
	strong := func(s string) string { return in.Paint(ink.Strong, s) }
	t.say("broker  %s", strong(crew.URL()))
	if config.URL == "" {
		t.say("store   %s, %s", config.Store, promise(config))
	}
	t.say("agents  %d of %s", len(cast.Programs), strong(fmt.Sprint(cast.Types())))
}

// promise says what the broker's store withstands.
func promise(c dev.Config) string {
	if c.SyncAlways {
		return "each event is on the disk before it is acknowledged"
	}
	return fmt.Sprintf("on the disk every %s: a power loss may cost what came since (--sync always prevents it)", c.SyncInterval)
}

// attend shows events, and says when everybody listens.
func (t *tool) attend(ctx context.Context, crew *dev.Crew, cast dev.Cast) error {
	var o live.Options
	for _, p := range cast.Programs {
		o.Steps = append(o.Steps, p.Config.Step)
		if p.Config.Agent != p.Config.Step {
			o.Agents = append(o.Agents, p.Config.Agent)
		}
	}
	go func() {
		if crew.Ready(ctx) != nil {
			return
		}
		t.say("ready   %s", t.ink(t.err).Paint(ink.Good, "every agent listens"))
		hint := ""
		if crew.URL() != "nats://127.0.0.1:4222" {
			hint = " --server " + crew.URL()
		}
		t.say("        begin with: unwind saga start %s -f <task.json> --wait%s", cast.Types()[0], hint)
	}()
	return t.watchCrew(ctx, crew, cast.Types(), o)
}

func (t *tool) stop(crew *dev.Crew) {
	t.say("stopping")
	began := time.Now()
	crew.Stop()
	t.say("stopped in %s", ink.Span(time.Since(began)))
}

// worth leaves out what is fine if it is meant.
func worth(list []remark) (rest []remark) {
	for _, r := range list {
		if r.Severity != "note" {
			rest = append(rest, r)
		}
	}
	return rest
}
