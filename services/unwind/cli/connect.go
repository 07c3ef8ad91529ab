package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/user"
	"time"

	"github.com/unwind-saga/unwind/broker"
)

const (
	// patience is how long a command may take that only asks.
	patience = 10 * time.Second
	// reach is how long a broker may take to answer for the first time.
	reach = 5 * time.Second
)

// limit bounds a command that only asks.
func (t *tool) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(t.timeout, patience))
}

// limitWait bounds a command that waits, if it was told to be bounded.
func (t *tool) limitWait(ctx context.Context) (context.Context, context.CancelFunc) {
	if t.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, t.timeout)
}

// connect reaches the broker. That there is none is an error soon, also for a
// command that would wait for ever.
func (t *tool) connect(ctx context.Context) (*broker.Log, error) {
	return t.connectAs(ctx, "unwind", slog.New(slog.DiscardHandler))
}

func (t *tool) connectAs(ctx context.Context, name string, logger *slog.Logger) (*broker.Log, error) {
	soon, cancel := context.WithTimeout(ctx, reach)
	defer cancel()
	log, err := t.connectPatiently(soon, name, logger)
	if err != nil && !errors.Is(context.Cause(ctx), errInterrupted) {
		// Not a time-out: to wait longer would not help.
		return nil, &exit{exitError, err}
	}
	return log, err
}

// connectPatiently goes on trying until ctx is done, as agents do.
func (t *tool) connectPatiently(ctx context.Context, name string, logger *slog.Logger) (*broker.Log, error) {
	where, err := broker.FromEnv()
	if err != nil {
		return nil, &exit{exitError, err}
	}
	where.Creds = cmp.Or(t.creds, where.Creds)
	switch { // a flag has the last word
	case t.context != "":
		where.URL, where.Context = "", t.context
	case t.server != "":
		where.URL, where.Context = t.server, ""
	}
	where.Name, where.Logger = name, logger
	return broker.Connect(ctx, where)
}

// me is who uses the tool, for the histories.
func me() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return cmp.Or(name, "somebody") + "@" + host
}
