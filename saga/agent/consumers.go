package agent

import (
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

// Consumers lists what an agent of a configuration listens to, as [Run] does it:
// for whoever describes an agent, or checks one that is written in another
// language.
func Consumers(cfg config.Config) []events.Consumer {
	cfg = cfg.WithDefaults()
	r := &runner{cfg: cfg, role: RoleOf(cfg), lease: cfg.Lease}
	var list []events.Consumer
	for _, p := range r.purposes() {
		list = append(list, p.consumer)
	}
	return list
}
