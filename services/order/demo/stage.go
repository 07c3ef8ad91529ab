package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

const (
	sagaType = "order"
	patience = time.Minute // for one order
)

// A stage is where the scenes are played.
type stage struct {
	crew  *dev.Crew
	world *world.World
	ink   ink.Ink
	lines live.Options
	aside errgroup.Group // what is done to the agents and the world meanwhile

	unlock func() error // opens a warehouse that a scene has closed
}

// play plays all scenes and says which did not come out as it should.
func (s *stage) play(ctx context.Context) error {
	for i, sc := range scenes {
		s.title(fmt.Sprintf("%d of %d  %s", i+1, len(scenes), sc.title))
		if err := s.scene(ctx, sc); err != nil {
			return fmt.Errorf("order %s: %w", sc.id, err)
		}
	}
	if err := s.world.Audit(ctx); err != nil {
		return err
	}
	s.title("All came out as they should, and the stock adds up.")
	return nil
}

func (s *stage) title(text string) {
	fmt.Printf("\n%s\n\n", s.ink.Paint(ink.Strong, "── "+text+" "+strings.Repeat("─", max(0, 92-len(text)))))
}

// scene has one order placed, shows what happens, and looks at the end where
// effects may be.
func (s *stage) scene(ctx context.Context, sc scene) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if sc.before != nil {
		if err := sc.before(ctx, s); err != nil {
			return err
		}
	}
	if _, err := client.Submit(ctx, s.crew.Log(), sagaType, sc.id, world.Task(sc.order), "demo"); err != nil {
		return err
	}
	lines := live.New(os.Stdout, s.lines)
	state, err := client.Watch(ctx, s.crew.Log(), sagaType, sc.id, func(e events.Event, _ *saga.State) error {
		if err := lines.Event(e); err != nil {
			return err
		}
		if sc.during != nil {
			sc.during(ctx, s, e)
		}
		return nil
	})
	if err = errors.Join(err, s.aside.Wait(), s.mend(ctx)); err != nil {
		return err
	}
	_, history, err := client.Load(ctx, s.crew.Log(), sagaType, sc.id, state.Seq)
	if err != nil {
		return err
	}
	fmt.Println()
	if err := timeline.Print(os.Stdout, history, state, time.Now(), timeline.Options{Ink: s.ink, Columns: ink.Columns(os.Stdout)}); err != nil {
		return err
	}
	page, err := s.world.Page(ctx, sc.id)
	if err != nil {
		return err
	}
	return sc.judge(state, page)
}

// mend ends what a scene set to fail, so that the world can be looked at.
func (s *stage) mend(ctx context.Context) error {
	if s.unlock != nil {
		if err := s.unlock(); err != nil {
			return err
		}
		s.unlock = nil
	}
	return errors.Join(s.world.Bank.Fail(bank.Fault{}), s.world.First.Start(ctx), s.world.Second.Start(ctx))
}
