// Package kyc is a family of agents that find out whether a person is who they
// say: know your customer. Each is a program of its own, with its own
// configuration and its own durable state, and knows nothing of the others:
//
//	id-extraction -> (face-matching || document-validation) -> risk-scoring -> notification
//
// and face-matching-lite stands in for face-matching. What they share is here:
// [Main], with which each of them begins. What they do is in packages of its
// own beside this one (mrz, face, rules, screening, risk, biometrics) and in
// services/mail, none of which knows that there are sagas.
//
// The people are fictional, the documents are specimens, and the list of
// sanctioned persons names nobody who exists.
package kyc

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
	Store  *store.Store // what it did, by idempotency key
}

// Main runs an agent until it is told to stop, by SIGINT or SIGTERM, and ends the
// process with 1 when it can't. It reads the flags --config and --state, and the
// broker's place from the environment (see [broker.FromEnv]). The schemas make
// the agent's own tables in its store.
func Main(open func(Office) (agent.Handler, error), schemas ...string) {
	file := flag.String("config", "agent.yaml", "the agent's configuration")
	state := flag.String("state", stateFolder(), "folder of its durable state (default $KYC_STATE)")
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
	if folder := os.Getenv("KYC_STATE"); folder != "" {
		return folder
	}
	return "state"
}

func run(ctx context.Context, file, state string, open func(Office) (agent.Handler, error), schemas []string) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("make the folder of its state: %w", err)
	}
	st, err := store.Open(StateFile(state, cfg.Agent), schemas...)
	if err != nil {
		return err
	}
	defer st.Close()
	handler, err := open(Office{Config: cfg, Store: st})
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
