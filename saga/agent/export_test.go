package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/unwind-saga/unwind/saga/config"
)

// LateForTheBreaker is a call that found the breaker shut, and so waited for no
// turn; when it is about to be made, the breaker has closed.
func LateForTheBreaker(cfg config.Config) (shut bool) {
	cfg = cfg.WithDefaults()
	r := &runner{cfg: cfg, logger: slog.New(slog.DiscardHandler), lease: cfg.Lease}
	r.rails = r.newRails()
	b := r.rails.breaker
	first, _ := r.rails.wait(context.Background())
	b.enter(&first)
	b.leave(first, failed)
	time.Sleep(cfg.CircuitBreaker.OpenFor)
	trial, _ := r.rails.wait(context.Background())
	b.enter(&trial)
	late, _ := r.rails.wait(context.Background())
	b.leave(trial, worked)
	_, shut = b.enter(&late)
	return shut
}

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
