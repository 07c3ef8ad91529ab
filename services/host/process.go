package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/telemetry"
)

// A Process is a program that runs agents. Its zero value works.
type Process struct {
	Name     string   // of the agent, or of the program of several: for the broker and for telemetry
	Types    []string // of the sagas: what waits at the broker is told for these
	Instance string   // unique to the process; for telemetry
	Listen   string   // address of /metrics, /healthz and /readyz; empty: there is no page

	Logger *slog.Logger // default: [Logger] on nothing, so nothing is logged
	// Connect reaches the broker; default: where the environment says.
	Connect func(ctx context.Context) (*broker.Log, error)
}

// Run connects to the broker and runs what is to be run, with telemetry and a page
// beside it, until ctx is done or run returns. The options are for [agent.Options.Run];
// run may change them.
func (p Process) Run(ctx context.Context, run func(ctx context.Context, log *broker.Log, o agent.Options) error) (err error) {
	logger := p.Logger
	if logger == nil {
		logger = Logger(io.Discard, "text")
	}
	tel, err := telemetry.Start(ctx, telemetry.Config{
		Service: p.Name, Saga: strings.Join(p.Types, ","), Instance: p.Instance, Version: Version().Short(),
		Page: p.Listen != "", Logger: logger,
	})
	if err != nil {
		return err
	}
	defer func() {
		if stopped := tel.Stop(ctx); stopped != nil {
			logger.Warn("the last of telemetry may be lost", "error", stopped)
		}
	}()
	// The page comes first: whoever waits for the broker is alive, and not ready.
	if p.Listen != "" {
		closing, err := serve(ctx, p.Listen, tel.Handler(), logger)
		if err != nil {
			return err
		}
		defer closing()
	}
	connect := p.Connect
	if connect == nil {
		connect = func(ctx context.Context) (*broker.Log, error) { return fromEnv(ctx, p.Name, logger) }
	}
	log, err := connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := watch(tel, log, p.Types); err != nil {
		return err
	}
	return run(ctx, log, agent.Options{Logger: logger, Version: Version().Short(), Observers: []agent.Observer{tel.Observer()}})
}

func fromEnv(ctx context.Context, name string, logger *slog.Logger) (*broker.Log, error) {
	where, err := broker.FromEnv()
	if err != nil {
		return nil, err
	}
	where.Name, where.Logger = name, logger
	return broker.Connect(ctx, where)
}

// watch asks the broker for readiness, and for what waits.
func watch(tel *telemetry.Telemetry, log *broker.Log, types []string) error {
	var errs []error
	for _, typ := range types {
		errs = append(errs, tel.Watch(telemetry.Broker{Type: typ, Connected: log.Conn().IsConnected, Backlogs: log.Backlogs}))
	}
	return errors.Join(errs...)
}

// serve answers on an address until it is closed.
func serve(ctx context.Context, address string, h http.Handler, logger *slog.Logger) (closing func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for health and metrics: %w\nhint: each process on a machine needs a port of its own; with port 0 it takes any", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("health and metrics are not served any more", "error", err)
		}
	}()
	logger.Info("serving health and metrics", "address", l.Addr().String())
	return func() {
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.Shutdown(soon)
		_ = s.Close()
		<-done
	}, nil
}

// Logger writes lines to a place, as text or as JSON, each with the ids of the trace
// that it was written in.
func Logger(to io.Writer, format string) *slog.Logger {
	var h slog.Handler = slog.NewTextHandler(to, nil)
	if cmp.Or(format, "text") == "json" {
		h = slog.NewJSONHandler(to, nil)
	}
	return slog.New(telemetry.LogHandler(h))
}
