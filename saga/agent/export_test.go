package agent

import (
	"context"
	"log/slog"

	"github.com/unwind-saga/unwind/saga/config"
)

// Rails lets a call through the rails of an agent and tells them that it worked.
func Rails(cfg config.Config) (through func()) {
	r := &runner{cfg: cfg.WithDefaults(), logger: slog.New(slog.DiscardHandler), lease: cfg.WithDefaults().Lease}
	r.rails = r.newRails()
	ctx := context.Background()
	return func() {
		p, err := r.rails.wait(ctx)
		if err != nil {
			panic(err)
		}
		if _, shut := r.rails.breaker.enter(&p); shut {
			panic("shut")
		}
		p.called = true
		r.rails.breaker.leave(p, worked)
		r.rails.pace.worked(p)
		r.rails.release(&p)
	}
}
