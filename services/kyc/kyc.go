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
	Store  *store.Store // what it did, by idempotency key
}

// Main runs an agent, as [host.Open] does: with a store of its own beside, in the
// folder that the flag --state names. The schemas make the agent's own tables there.
func Main(open func(Office) (agent.Handler, error), schemas ...string) {
	state := flag.String("state", cmp.Or(os.Getenv("KYC_STATE"), "state"), "`folder` of its durable state (default $KYC_STATE)")
	host.Open(func(_ context.Context, cfg config.Config) (agent.Handler, func(), error) {
		if err := os.MkdirAll(*state, 0o700); err != nil {
			return agent.Handler{}, nil, fmt.Errorf("make the folder of its state: %w", err)
		}
		st, err := store.Open(StateFile(*state, cfg.Agent), schemas...)
		if err != nil {
			return agent.Handler{}, nil, err
		}
		h, err := open(Office{Config: cfg, Store: st})
		return h, func() { _ = st.Close() }, err
	})
}

// StateFile is where an agent keeps what it did.
func StateFile(folder, name string) string { return filepath.Join(folder, name+".db") }
