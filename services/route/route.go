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
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/host"
	"github.com/unwind-saga/unwind/services/store"
)

// An Office is what an agent of the family works with.
type Office struct {
	Config config.Config
	Store  *store.Store // what it did, by idempotency key; nil for an agent that leaves nothing
}

// Main runs an agent, as [host.Open] does: with a store of its own beside, in the
// folder that the flag --state names. The schemas make the agent's own tables there;
// an agent without any has no store.
func Main(open func(Office) (agent.Handler, error), schemas ...string) {
	state := flag.String("state", cmp.Or(os.Getenv("ROUTE_STATE"), "state"), "`folder` of its durable state (default $ROUTE_STATE)")
	host.Open(func(_ context.Context, cfg config.Config) (agent.Handler, func(), error) {
		office := Office{Config: cfg}
		if len(schemas) == 0 {
			h, err := open(office)
			return h, nil, err
		}
		if err := os.MkdirAll(*state, 0o700); err != nil {
			return agent.Handler{}, nil, fmt.Errorf("make the folder of its state: %w", err)
		}
		var err error
		if office.Store, err = store.Open(StateFile(*state, cfg.Agent), schemas...); err != nil {
			return agent.Handler{}, nil, err
		}
		h, err := open(office)
		return h, func() { _ = office.Store.Close() }, err
	})
}

// StateFile is where an agent keeps what it did.
func StateFile(folder, name string) string { return filepath.Join(folder, name+".db") }
