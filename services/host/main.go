package host

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// Main runs an agent until it is told to stop, and ends the process with 1 when it
// can't, with 2 when its flags are wrong.
func Main(h agent.Handler) {
	Open(func(context.Context, config.Config) (agent.Handler, func(), error) { return h, nil, nil })
}

// An Opener makes an agent's handler of its configuration. What it returns beside is
// called when the agent has stopped; it may be nil.
type Opener func(ctx context.Context, cfg config.Config) (h agent.Handler, closing func(), err error)

// Open is [Main] for an agent that must read its configuration, or open a store,
// before it can work. Flags of its own it defines before, with package flag.
func Open(open Opener) {
	Program(func(ctx context.Context, file string) (a Agents, err error) {
		cfg, err := config.Load(file)
		if err != nil {
			return a, err
		}
		handler, closing, err := open(ctx, cfg)
		a = Agents{Name: cfg.Agent, Types: []string{cfg.Saga}, Close: closing}
		a.Run = func(ctx context.Context, log *broker.Log, o agent.Options) error {
			return o.Run(ctx, log, cfg, handler)
		}
		return a, err
	})
}

// Agents are what a program runs: one agent, mostly.
type Agents struct {
	Name  string   // of the agent
	Types []string // of the sagas
	Run   func(ctx context.Context, log *broker.Log, o agent.Options) error
	Close func() // called when Run has returned, or was never called; may be nil
}

// Program is [Main] for whatever runs agents by their configuration file: what it
// loads is told before anything is connected.
func Program(load func(ctx context.Context, file string) (Agents, error)) {
	name := filepath.Base(os.Args[0])
	var s settings
	s.define(flag.CommandLine, name)
	flag.Parse() // ends the process when they are wrong
	if s.version {
		fmt.Printf("%s %s\n", name, Version())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second one is not waited for
	err := s.check(flag.Args())
	if err == nil {
		err = s.run(ctx, load)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		if errors.As(err, new(usage)) {
			os.Exit(2) //nolint:gocritic // the signals are the process's own
		}
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	config  string
	listen  string
	log     string
	grace   time.Duration
	version bool
}

// A usage is what is wrong with the command line.
type usage struct{ error }

func (s *settings) define(f *flag.FlagSet, name string) {
	f.StringVar(&s.config, "config", "agent.yaml", "the agent's `file`")
	f.StringVar(&s.listen, "listen", os.Getenv("UNWIND_LISTEN"), "`address` of /metrics, /healthz and /readyz, as 127.0.0.1:9464; none: there is no page (default $UNWIND_LISTEN)")
	f.StringVar(&s.log, "log", cmp.Or(os.Getenv("UNWIND_LOG"), "text"), "`format` of the log on stderr, text or json (default $UNWIND_LOG, else text)")
	f.DurationVar(&s.grace, "grace", 10*time.Second, "how long work under way may go on when it is told to stop")
	f.BoolVar(&s.version, "version", false, "print the version")
	f.Usage = func() {
		fmt.Fprintf(f.Output(), `Run an agent of a saga until SIGINT or SIGTERM.

Usage: %s [flags]

  %[1]s --config agent.yaml
  NATS_URL=nats://broker:4222 %[1]s --listen :9464 --log json
  OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 %[1]s

The broker is where $NATS_URL or $NATS_CONTEXT says, else on this machine.

`, name)
		f.PrintDefaults()
	}
}

func (s *settings) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return usage{fmt.Errorf("unexpected argument %q\nhint: the agent's file is given with --config", rest[0])}
	case s.log != "text" && s.log != "json":
		return usage{fmt.Errorf("--log %s: want text or json", s.log)}
	case s.grace <= 0:
		return usage{fmt.Errorf("--grace %s: must be more than nothing", s.grace)}
	}
	return nil
}

func (s *settings) run(ctx context.Context, load func(context.Context, string) (Agents, error)) error {
	p := Process{Listen: s.listen, Logger: Logger(os.Stderr, s.log)}
	slog.SetDefault(p.Logger) // what a handler logs is of its trace, too
	a, err := load(ctx, s.config)
	if a.Close != nil {
		defer a.Close()
	}
	if err != nil {
		return err
	}
	p.Name, p.Types, p.Instance = a.Name, a.Types, a.Name+"@"+uuid.NewString()[:8]
	return p.Run(ctx, func(ctx context.Context, log *broker.Log, o agent.Options) error {
		o.Instance, o.Grace = p.Instance, s.grace
		return a.Run(ctx, log, o)
	})
}
