// The demo shows the family of agents at work, in real processes on an embedded
// broker, with two providers beside them that fail as each scene wants: the
// drive gets its directions from whoever can give them, and what was reserved
// for one that comes to nothing is free again. It looks into the agents' stores
// after each scene, and ends with 0 when each came out as it should.
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

	"github.com/unwind-saga/unwind/services/route/roads"
	"github.com/unwind-saga/unwind/services/route/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

func main() {
	agents := flag.String("agents", "services/route", "the folder of the agents")
	folder := flag.String("folder", ".unwind/demo-route", "the folder of the broker and of everybody's state")
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
	w, err := world.Open(run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()

	fmt.Printf("Starting a broker and %d agents, each a process of its own ...\n", len(cast.Programs))
	crew, err := dev.Start(ctx, dev.Config{
		Store: run, Env: append(w.Env(), "ROUTE_LEASE=3s", "ROUTE_BASE_DELAY=600ms", "ROUTE_PATIENCE=2s", "ROUTE_FLEET=1"), Ink: in,
		Output: os.Stdout, Quiet: !noisy, Logger: slog.New(slog.DiscardHandler),
	}, cast.Programs)
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
		if p.Config.Step != p.Config.Agent {
			lines.Agents = append(lines.Agents, p.Config.Agent)
		}
	}
	s := &stage{crew: crew, world: w, ink: in, lines: lines, began: time.Now()}
	if err := s.play(ctx); err != nil {
		return err
	}
	fmt.Println("Roads: " + roads.Attribution + ".")
	return nil
}
