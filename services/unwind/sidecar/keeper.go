package sidecar

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/child"
)

const (
	firstDelay = 500 * time.Millisecond // before a program that died is started again; it doubles
	mostDelay  = 30 * time.Second
	settled    = 10 * time.Second // after which earlier deaths are forgotten
	knock      = 50 * time.Millisecond
)

// Keep starts the program behind an agent's handler, if it is to be started here, and
// keeps it alive until ctx is done; it returns when the program is gone.
func Keep(ctx context.Context, cfg config.Config, grace time.Duration, logger *slog.Logger) {
	if cfg.Handler == nil || len(cfg.Handler.Start) == 0 {
		return
	}
	delay := firstDelay
	for ctx.Err() == nil {
		began := time.Now()
		how := once(ctx, cfg, grace, logger)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > settled {
			delay = firstDelay
		}
		logger.WarnContext(ctx, "the program died, it is started again", "how", how, "in", delay)
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, mostDelay)
	}
}

func once(ctx context.Context, cfg config.Config, grace time.Duration, logger *slog.Logger) (how string) {
	child.OnOneThread(func() {
		p, err := child.Start(cfg.Handler.Start, Folder(cfg), os.Environ(), func(line string) {
			logger.InfoContext(ctx, "the program says", "line", line)
		})
		if err != nil {
			how = err.Error()
			return
		}
		logger.InfoContext(ctx, "the program is started", "pid", p.ID())
		how = p.Wait(ctx, grace)
	})
	return how
}

// Await waits until somebody listens where the programs of an agent are to be asked: an
// agent that asks before that would only hear that nobody is there.
func Await(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	for _, o := range []*config.Outside{cfg.Handler, cfg.Compensation} {
		if o == nil || o.HTTP == "" {
			continue
		}
		if err := reach(ctx, o.HTTP, logger); err != nil {
			return err
		}
	}
	return nil
}

func reach(ctx context.Context, address string, logger *slog.Logger) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	for told := false; ; {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if err == nil {
			return c.Close()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the program at %s: %w", address, ctx.Err())
		}
		if !told {
			logger.InfoContext(ctx, "waiting until the program listens", "url", address)
			told = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(knock):
		}
	}
}
