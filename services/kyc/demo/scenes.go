package main

import (
	"context"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/kyc/biometrics/provider"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

// A scene is one person's application, and what goes wrong with it.
type scene struct {
	id, title string
	person    world.Person
	before    func(context.Context, *stage) error
	during    func(context.Context, *stage, events.Event)
	after     func(context.Context, *stage) error
	judge     func(*saga.State, []world.Effect) error
}

var scenes = []scene{
	{
		id: "anna", title: "Anna passes",
		person: world.Someone(0),
		before: nothing, during: nobody, after: nothing,
		judge: completed("face-matching"),
	},
	{
		id: "bruno", title: "Bruno applies while the face provider is down: retries, then the stand-in",
		person: world.Someone(1),
		before: fail(provider.Fault{Mode: provider.Down}), during: nobody,
		after: fail(provider.Fault{Mode: provider.Sound}),
		judge: completed("face-matching-lite"),
	},
	{
		id: "james", title: "James is on the list: refused, and everything done for him is undone",
		person: world.Wanted(2),
		before: nothing, during: nobody, after: nothing,
		judge: undone,
	},
	{
		id: "dana", title: "Dana applies, and the face-matching process is killed in the middle of it",
		person: world.Someone(3),
		before: fail(provider.Fault{Mode: provider.Hang, Count: 1}),
		during: kill("face-matching"), after: nothing,
		judge: completed("face-matching"),
	},
}

func nothing(context.Context, *stage) error { return nil }

func nobody(context.Context, *stage, events.Event) {}

// fail tells the provider how to fail.
func fail(f provider.Fault) func(context.Context, *stage) error {
	return func(_ context.Context, s *stage) error { return s.world.Provider.Fail(f) }
}

// kill kills an agent a moment after it began to work.
func kill(agent string) func(context.Context, *stage, events.Event) {
	return func(ctx context.Context, s *stage, e events.Event) {
		if e.Subject.Kind != events.Started || e.Subject.Step != agent {
			return
		}
		s.aside.Go(func() error {
			select {
			case <-time.After(time.Second):
				return s.crew.Kill(agent)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
}

// completed demands that the saga completed, with this agent at the faces, and
// that its effects are there, each once.
func completed(matcher string) func(*saga.State, []world.Effect) error {
	return func(s *saga.State, effects []world.Effect) error {
		if s.Status() != saga.Completed {
			return fmt.Errorf("it is %s, and should have completed", s.Status())
		}
		if by := s.Step("face-matching").Done.Agent; by != matcher {
			return fmt.Errorf("the faces were matched by %s, and should have been by %s", by, matcher)
		}
		want := map[string]int{
			"id-extraction": 1, matcher: 1, "document-validation": 1, "risk-scoring": 1, "notification": 1, "inbox": 1,
		}
		if matcher == "face-matching" {
			want["provider"] = 1
		}
		for _, e := range effects {
			want[e.Where]--
		}
		for where, n := range want {
			if n != 0 {
				return fmt.Errorf("effects: %d more than there should be at %s", -n, where)
			}
		}
		return nil
	}
}

// undone demands that the saga went back and left nothing.
func undone(s *saga.State, effects []world.Effect) error {
	if s.Status() != saga.Compensated {
		return fmt.Errorf("it is %s, and should have been compensated", s.Status())
	}
	if len(effects) > 0 {
		return fmt.Errorf("it left %v behind", effects)
	}
	return nil
}
