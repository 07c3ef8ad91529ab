// Package order is a pipeline of agents that carries out an order: it prices it,
// reserves it in a warehouse, takes the money and says so by mail. Each is a
// program of its own, with its own configuration, and knows nothing of the others:
//
//	quote -> stock -> payment -> confirmation
//
// stock-second stands in for stock with another warehouse, and
// confirmation-relay for confirmation with another mail server. The effects are
// in real houses: reservations in PostgreSQL, charges at Stripe, letters at SMTP
// servers.
//
// # Why in this order
//
// What can be refused comes before what costs something, and what can be undone
// before what can't. A quote leaves nothing. A reservation is ours, and released
// in one transaction. A charge can be refunded, but the customer sees it and the
// fee is gone: so it comes after everything that may still say no, and it is the
// pivot. Behind it is only the mail, which can't be called back and needs nobody's
// consent: it is tried until it is sent.
//
// # What is here
//
// [Main], with which each of them begins. What they do is in packages of its own
// (catalogue, warehouse, services/mail), none of which knows that there are
// sagas; package bank is a Stripe to try it with, and world all of the outside.
package order

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// An Opener makes an agent's handler from its configuration. What it returns
// beside is closed when the agent has stopped; it may be nil.
type Opener func(ctx context.Context, cfg config.Config) (h agent.Handler, closing func(), err error)

// Main runs an agent until it is told to stop, by SIGINT or SIGTERM, and ends the
// process with 1 when it can't. It reads the flag --config, and the broker's place
// from the environment (see [broker.FromEnv]).
func Main(open Opener) {
	file := flag.String("config", "agent.yaml", "the agent's configuration")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err := run(ctx, *file, open); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1) //nolint:gocritic // the signals are the process's own
	}
}

func run(ctx context.Context, file string, open Opener) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	handler, closing, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	if closing != nil {
		defer closing()
	}
	where, err := broker.FromEnv()
	if err != nil {
		return err
	}
	where.Name = cfg.Agent
	log, err := broker.Connect(ctx, where)
	if err != nil {
		return err
	}
	defer log.Close()
	return agent.Run(ctx, log, cfg, handler)
}
