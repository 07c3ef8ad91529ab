// The demo shows the order pipeline at work, in real processes on an embedded
// broker, with PostgreSQL, two mail servers and a bank beside them: twelve orders, and
// what goes wrong with eleven of them. Each fallback takes over once at least, and
// each compensation undoes something real. When an order has ended, the demo looks
// where its effects are: into the warehouses, the bank's books and the mailboxes.
// It ends with 0 when each is as it should be.
package main

import (
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

	"github.com/unwind-saga/unwind/services/order/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

func main() {
	agents := flag.String("agents", "services/order", "the folder of the agents")
	folder := flag.String("folder", ".unwind/demo-order", "the folder of the broker, of letters and of logs")
	colour := flag.String("color", "auto", "auto, always or never; NO_COLOR is respected")
	noisy := flag.Bool("v", false, "show what the agents log, too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *agents, *folder, *colour, *noisy)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err != nil && interrupted:
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, agents, folder, colour string, noisy bool) (err error) {
	in, err := ink.Choose(colour, os.Stdout)
	if err != nil {
		return err
	}
	cast, err := dev.Find(agents)
	if err != nil {
		return err
	}
	if cast.Errors() {
		return errors.Join(cast.Mistakes, fmt.Errorf("the agents don't fit together: run unwind lint %s", agents))
	}
	// Each demo begins with nothing, but what it built and what it leaves can
	// be looked at afterwards.
	run := filepath.Join(folder, time.Now().Format("20060102-150405"))
	fmt.Println("Starting PostgreSQL, two mail servers and a bank ...")
	w, err := world.Open(ctx, run, world.Config{Say: func(text string) { fmt.Println(text) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()

	fmt.Printf("Starting a broker and %d agents, each a process of its own ...\n", len(cast.Programs))
	config := dev.Config{
		Store: run, Env: append(w.Env(), "ORDER_LEASE=3s", "ORDER_BASE_DELAY=400ms", "RELAY_MAX_DELAY=2s", "PAYMENT_TIMEOUT=3s"),
		Ink: in, Output: os.Stdout, Quiet: !noisy, Logger: slog.New(slog.DiscardHandler),
	}
	crew, err := dev.Start(ctx, config, cast.Programs)
	if err != nil {
		return err
	}
	defer crew.Stop()
	if err := crew.Ready(ctx); err != nil {
		return err
	}
	lines := live.Options{Ink: in, Columns: ink.Columns(os.Stdout)}
	for _, p := range cast.Programs {
		lines.Steps = append(lines.Steps, p.Config.Step)
		if p.Config.StandIn {
			lines.Agents = append(lines.Agents, p.Config.Agent)
		}
	}
	stage := &stage{crew: crew, world: w, ink: in, lines: lines}
	return stage.play(ctx)
}
