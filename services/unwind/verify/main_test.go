package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// The program of these tests is also the agents that are tried, and the world
// around them.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "agent":
		os.Exit(report(perform(os.Args[2])))
	case len(os.Args) > 1 && (os.Args[1] == "world" || os.Args[1] == "effects"):
		os.Exit(report(world(os.Args[1:])))
	}
	_ = flag.Set("test.parallel", "6") // they mostly wait
	brokertest.Main(m)
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// leavesIn is the folder that is the world: an effect is a file called
// <saga>,<key>.
const leavesIn = "VERIFY_TEST_WORLD"

// mutation is what is wrong with the agent; empty: nothing.
const mutation = "VERIFY_TEST_MUTATION"

// perform runs an agent that does as its task says: it completes {}, refuses
// {"do": "refuse"} and fails at {"do": "fail"}.
func perform(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	where, err := broker.FromEnv()
	if err != nil {
		return err
	}
	log, err := broker.Connect(ctx, where)
	if err != nil {
		return err
	}
	defer log.Close()
	wrong := os.Getenv(mutation)
	h := agent.Handler{Perform: func(_ context.Context, t agent.Task) (agent.Result, error) { return act(t, wrong) }}
	if cfg.CompensationHandler != config.NoCompensation && cfg.CompensationHandler != "" {
		h.Compensations = agent.Compensations{cfg.CompensationHandler: func(_ context.Context, u agent.Undo) error {
			if wrong == "leaves-its-effect" {
				return nil
			}
			key := u.Of
			if _, err := u.Decode(&key); err != nil {
				return err
			}
			err := os.Remove(trace(u.ID, key))
			if errors.Is(err, os.ErrNotExist) {
				return agent.ErrNothingFound
			}
			return err
		}}
	}
	m := &mutant{Log: log, bus: log.Conn(), cfg: cfg, wrong: wrong}
	o := agent.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Grace: 50 * time.Millisecond}
	return o.Run(ctx, m, m.configure(cfg), h)
}

func act(t agent.Task, wrong string) (agent.Result, error) {
	var asked struct {
		Do string `json:"do"`
	}
	if err := t.Decode(&asked); err != nil {
		return agent.Result{}, err
	}
	switch {
	case asked.Do == "refuse" && wrong == "tries-refusals-again":
		return agent.Result{}, errors.New("the card is declined")
	case asked.Do == "refuse":
		return agent.Result{}, agent.Refuse("declined", "the card is declined")
	case asked.Do == "fail":
		return agent.Result{}, errors.New("the provider answered 503")
	}
	key := t.Key
	if wrong == "takes-another-key" {
		key = uuid.NewString()
	}
	if err := os.WriteFile(trace(t.ID, key), nil, 0o600); err != nil {
		return agent.Result{}, err
	}
	if wrong == "answers-garbage" {
		return agent.Result{Data: map[string]any{"seat": 12}, Undo: key}, nil
	}
	return agent.Result{Data: map[string]string{"seat": "12A"}, Undo: key}, nil
}

func trace(id, key string) string {
	return filepath.Join(os.Getenv(leavesIn), id+","+strings.ReplaceAll(key, "/", "+"))
}

// world is the program that looks at the effects.
func world(args []string) error {
	if args[0] == "world" {
		fmt.Printf("%s=%s\n\n", leavesIn, args[1])
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	files, err := os.ReadDir(os.Getenv(leavesIn))
	if err != nil {
		return err
	}
	there := map[string]int{}
	for _, f := range files {
		id, _, _ := strings.Cut(f.Name(), ",")
		there[id]++
	}
	out := json.NewEncoder(os.Stdout)
	for id, n := range there {
		if err := out.Encode(map[string]any{"saga": id, "where": "seats", "count": n}); err != nil {
			return err
		}
	}
	return nil
}
