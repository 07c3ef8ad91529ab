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
	"github.com/unwind-saga/unwind/services/route/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

const (
	sagaType = "route"
	patience = time.Minute // for one order
)

// A stage is where the scenes are played.
type stage struct {
	crew  *dev.Crew
	world *world.World
	ink   ink.Ink
	lines live.Options
	began time.Time
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
	s.title(fmt.Sprintf("All %d came out as they should.", len(scenes)))
	return nil
}

func (s *stage) title(text string) {
	fmt.Printf("\n%s\n\n", s.ink.Paint(ink.Strong, "── "+text+" "+strings.Repeat("─", max(0, 92-len(text)))))
}

// scene lets one order come in, shows what happens, and looks at the end into
// the stores.
func (s *stage) scene(ctx context.Context, sc scene) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := errors.Join(s.world.Google.Fail(sc.google), s.world.OSRM.Fail(sc.osrm)); err != nil {
		return err
	}
	order, err := world.Order(sc.from, sc.to, s.began.Add(time.Hour*time.Duration(1+sc.hour)), sc.within)
	if err != nil {
		return err
	}
	if _, err := client.Submit(ctx, s.crew.Log(), sagaType, sc.id, order, "demo"); err != nil {
		return err
	}
	state, err := s.watch(ctx, sc)
	if err = errors.Join(err, s.aside.Wait()); err != nil {
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
	tell(state, effects)
	return errors.Join(sc.judge(state), whole(state, effects))
}

// watch shows what happens, and answers when a person is asked.
func (s *stage) watch(ctx context.Context, sc scene) (*saga.State, error) {
	lines, seen := live.New(os.Stdout, s.lines), uint64(0)
	see := func(e events.Event, _ *saga.State) error {
		if e.Seq <= seen {
			return nil
		}
		seen = e.Seq
		if sc.kill != "" && e.Subject.Kind == events.Started && e.Subject.Step == "directions" {
			s.kill(ctx, sc.kill)
		}
		return lines.Event(e)
	}
	for _, answer := range sc.person {
		if _, err := client.Watch(ctx, s.crew.Log(), sagaType, sc.id, see); err != nil {
			return nil, err
		}
		answer.By = "Ada"
		if err := client.Answer(ctx, s.crew.Log(), sagaType, sc.id, "directions", answer); err != nil {
			return nil, err
		}
	}
	return client.Watch(ctx, s.crew.Log(), sagaType, sc.id, see)
}

// kill kills an agent a moment after it began to work.
func (s *stage) kill(ctx context.Context, agent string) {
	s.aside.Go(func() error {
		select {
		case <-time.After(time.Second):
			return s.crew.Kill(agent)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// tell says what the directions are, and what is in the stores, whatever the
// saga says of itself.
func tell(state *saga.State, effects []world.Effect) {
	fmt.Println()
	if d, err := directions(state); err == nil {
		fmt.Printf("Directions by %s (%s): %.1f km, %s", d.By, d.Quality, float64(d.Metres)/1000, time.Duration(d.Seconds)*time.Second)
		if b := d.Bounds; b != nil {
			fmt.Printf("; between %.1f and %.1f km, %s and %s", float64(b.Metres[0])/1000, float64(b.Metres[1])/1000,
				time.Duration(b.Seconds[0])*time.Second, time.Duration(b.Seconds[1])*time.Second)
		}
		fmt.Println()
	}
	if len(effects) == 0 {
		fmt.Println("Looked into the stores of vehicle and dispatch: nothing is left.")
		return
	}
	fmt.Println("Looked into the stores of vehicle and dispatch:")
	for _, e := range effects {
		fmt.Println("  " + e.String())
	}
}
