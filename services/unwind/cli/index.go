package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/services/unwind/index"
)

// refresh is how often whoever keeps an index warm catches up.
const refresh = time.Second

func (t *tool) indexCommand() *cobra.Command {
	var f indexFlags
	var follow bool
	c := &cobra.Command{
		Use:   "index",
		Short: "Bring the index of sagas up to date, or keep it so",
		Long: `Bring the index of sagas up to date, or with --follow keep it so until it is
interrupted.

The index is a SQLite file beside the stream, by which sagas are found among a
million: "unwind saga list" and "unwind inbox list" use it. It is made from the
stream alone, so it can be removed at any time. Each command that uses it catches
up first. So there is no need to run this: but where much is written, what is
read beforehand need not be read while somebody waits.

There is a file for each store of a broker, in the user's cache folder. Several
processes may use it at once; it must be on a local disk.

It changes nothing but this file.`,
		Example: `  unwind index
  unwind index --follow
  unwind index --index /var/lib/unwind/index.db`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := t.limitWait(c.Context())
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			x, err := f.open(ctx, log)
			if err != nil {
				return err
			}
			defer x.Close()
			began := time.Now()
			read, err := t.catchUp(ctx, x, log)
			if err != nil {
				return err
			}
			t.say("the index is up to date: %s, %d events in %s", x.Path(), read, time.Since(began).Round(time.Millisecond))
			if !follow {
				return nil
			}
			x.Follow(ctx, log, refresh, func(err error) { t.say("the index is behind, trying on: %v", err) })
			return interrupted(ctx, context.Cause(ctx))
		},
	}
	f.add(c)
	c.Flags().BoolVar(&follow, "follow", false, "go on until it is interrupted")
	return c
}

// indexFlags are those of a command that finds sagas.
type indexFlags struct {
	file  string
	stale bool
}

func (f *indexFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "index", "", "the index's file (default one for each store, in the user's cache folder)")
}

// addStale is for those commands that may answer from what is there.
func (f *indexFlags) addStale(c *cobra.Command) {
	f.add(c)
	c.Flags().BoolVar(&f.stale, "stale-ok", false, "answer at once from what the index has, without catching up")
}

// open opens the index of a broker's store.
func (f indexFlags) open(ctx context.Context, log *broker.Log) (*index.Index, error) {
	file := f.file
	if file == "" {
		store, err := log.Store(ctx)
		if err != nil {
			return nil, err
		}
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, &exit{exitError, fmt.Errorf("find a place for the index: %w\nhint: name one with --index FILE", err)}
		}
		if store == "" {
			store = "empty"
		}
		file = filepath.Join(cache, "unwind", "sagas-"+store+".db")
	}
	x, err := index.Open(ctx, file)
	if err != nil && f.file == "" && ctx.Err() == nil {
		return nil, &exit{exitError, fmt.Errorf("%w\nhint: name another place with --index FILE", err)}
	}
	return x, err
}

// ready opens the index and catches up, unless what is there is good enough.
func (t *tool) ready(ctx context.Context, f indexFlags, log *broker.Log) (*index.Index, error) {
	x, err := f.open(ctx, log)
	if err != nil || f.stale {
		return x, err
	}
	if _, err := t.catchUp(ctx, x, log); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// catchUp brings the index up to date, and shows how far it is when that takes long.
func (t *tool) catchUp(ctx context.Context, x *index.Index, log *broker.Log) (read uint64, err error) {
	p := waiting{w: t.err, began: time.Now()}
	err = x.CatchUp(ctx, log, func(now, all uint64) {
		read = now
		p.tell(now, all)
	})
	p.end()
	if errors.Is(err, context.DeadlineExceeded) {
		return read, fmt.Errorf("%w\nhint: what was read is kept: the same again goes on from there, and --stale-ok answers at once", err)
	}
	return read, err
}

// keepWarm keeps an index up to date beside whatever else the program does, until
// done is called, which waits for it.
func (t *tool) keepWarm(ctx context.Context, f indexFlags, log *broker.Log, logger *slog.Logger) (done func(), err error) {
	x, err := f.open(ctx, log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() {
		x.Follow(ctx, log, refresh, func(err error) {
			logger.Warn("the index of sagas is behind, trying on", "index", x.Path(), "error", err)
		})
	})
	return func() {
		cancel()
		following.Wait()
		x.Close()
	}, nil
}

// waiting is a bar on a terminal, for whoever waits for more than a moment.
type waiting struct {
	w     any
	began time.Time
	bar   *progressbar.ProgressBar
}

func (p *waiting) tell(now, all uint64) {
	file, ok := p.w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || p.bar == nil && time.Since(p.began) < 300*time.Millisecond {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(int64(all), progressbar.OptionSetWriter(file),
			progressbar.OptionSetDescription("reading the stream"), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("events"), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond))
	}
	_ = p.bar.Set64(int64(now))
}

func (p *waiting) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
