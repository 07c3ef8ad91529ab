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
	"github.com/unwind-saga/unwind/services/kyc/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

const (
	sagaType = "kyc"
	patience = time.Minute // for one applicant
)

// A stage is where the scenes are played.
type stage struct {
	crew  *dev.Crew
	world *world.World
	ink   ink.Ink
	lines live.Options
	aside errgroup.Group // what is done to the agents meanwhile
}

// play plays all scenes and says which did not come out as it should.
func (s *stage) play(ctx context.Context) error {
	for i, sc := range scenes {
		s.title(fmt.Sprintf("%d of %d  %s", i+1, len(scenes), sc.title))
		if err := s.scene(ctx, sc); err != nil {
			return fmt.Errorf("%s: %w", sc.id, err)
		}
	}
	s.title("All four came out as they should.")
	return nil
}

func (s *stage) title(text string) {
	fmt.Printf("\n%s\n\n", s.ink.Paint(ink.Strong, "── "+text+" "+strings.Repeat("─", max(0, 92-len(text)))))
}

// scene lets one person apply, shows what happens, and looks at the end where
// effects may be.
func (s *stage) scene(ctx context.Context, sc scene) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := sc.before(ctx, s); err != nil {
		return err
	}
	task, err := sc.person.Task()
	if err != nil {
		return err
	}
	if _, err := client.Submit(ctx, s.crew.Log(), sagaType, sc.id, task, "demo"); err != nil {
		return err
	}
	lines := live.New(os.Stdout, s.lines)
	state, err := client.Watch(ctx, s.crew.Log(), sagaType, sc.id, func(e events.Event, _ *saga.State) error {
		if err := lines.Event(e); err != nil {
			return err
		}
		sc.during(ctx, s, e)
		return nil
	})
	if err = errors.Join(err, s.aside.Wait()); err != nil {
		return err
	}
	if err := sc.after(ctx, s); err != nil {
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
	effects, err := s.world.Effects(ctx, sc.id)
	if err != nil {
		return err
	}
	s.there(effects)
	return sc.judge(state, effects)
}

// there tells what is there, in each house, whatever the saga says of itself.
func (s *stage) there(effects []world.Effect) {
	if len(effects) == 0 {
		fmt.Println("\nLooked into every agent's store, at the provider and into the inbox: nothing was left behind.")
		return
	}
	fmt.Println("\nLooked into every agent's store, at the provider and into the inbox:")
	for _, e := range effects {
		fmt.Println("  " + e.String())
	}
}
