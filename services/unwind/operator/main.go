package operator

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
)

// Main is the program of an operator that lives in a folder of its own, beside
// the agents of its saga: package main is one line. It runs until SIGINT or
// SIGTERM, reads the flag --config, and finds the broker as every agent does
// (see [broker.FromEnv]).
func Main() {
	file := flag.String("config", "agent.yaml", "the operator's configuration")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *file); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1) //nolint:gocritic // the signals are the process's own
	}
}

func run(ctx context.Context, file string) error {
	o, err := Load(file)
	if err != nil {
		return err
	}
	where, err := broker.FromEnv()
	if err != nil {
		return err
	}
	where.Name = o.Config.Agent
	log, err := broker.Connect(ctx, where)
	if err != nil {
		return err
	}
	defer log.Close()
	return Run(ctx, log, slog.New(slog.NewTextHandler(os.Stderr, nil)), o)
}
