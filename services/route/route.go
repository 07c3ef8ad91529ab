// Package route is a family of agents that plan a drive: a vehicle is reserved,
// somebody says how far it is and how long it takes, and the drive is promised.
//
//	vehicle -> directions -> dispatch
//
// The step in the middle has a chain: google (a service with traffic, that wants
// a key), osrm (a map, without traffic), heuristic (a formula), and at the end
// operator: a person. Whoever answers
// says how good the answer is, and dispatch promises accordingly. A drive that
// can't be in time is refused, and the vehicle is free again.
//
// What the agents share is here: [Main], with which each of them begins. What
// they do is in packages of its own beside this one (trip, estimate, osrmhttp,
// question), of which only question knows that there are sagas. The roads that
// the demonstration drives on are real, see package roads.
package route

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
	"github.com/unwind-saga/unwind/services/kyc/store"
)

// An Office is what an agent of the family works with.
type Office struct {
	Config config.Config
	Store  *store.Store // what it did, by idempotency key; nil for an agent that leaves nothing
}

// Main runs an agent until it is told to stop, by SIGINT or SIGTERM, and ends the
// process with 1 when it can't. It reads the flags --config and --state, and the
// broker's place from the environment (see [broker.FromEnv]). The schemas make
// the agent's own tables in its store; an agent without any has no store.
func Main(open func(Office) (agent.Handler, error), schemas ...string) {
	file := flag.String("config", "agent.yaml", "the agent's configuration")
	state := flag.String("state", stateFolder(), "folder of its durable state (default $ROUTE_STATE)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err := run(ctx, *file, *state, open, schemas); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1) //nolint:gocritic // the signals are the process's own
	}
}

func stateFolder() string {
	if folder := os.Getenv("ROUTE_STATE"); folder != "" {
		return folder
	}
	return "state"
}

func run(ctx context.Context, file, state string, open func(Office) (agent.Handler, error), schemas []string) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	office := Office{Config: cfg}
	if len(schemas) > 0 {
		if err := os.MkdirAll(state, 0o700); err != nil {
			return fmt.Errorf("make the folder of its state: %w", err)
		}
		if office.Store, err = store.Open(StateFile(state, cfg.Agent), schemas...); err != nil {
			return err
		}
		defer office.Store.Close()
	}
	handler, err := open(office)
	if err != nil {
		return err
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

// StateFile is where an agent keeps what it did.
func StateFile(folder, name string) string { return filepath.Join(folder, name+".db") }
