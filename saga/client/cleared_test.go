package client_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
)

// After the pivot a step waits to be handed on until what its agent may have left
// is undone. When the agent can't, a person can: the saga has not turned, and goes
// on.
func TestUndoneByAPersonAfterThePivot(t *testing.T) {
	for name, person := range map[string]func(ctx context.Context, c *cast) error{
		"redo": func(ctx context.Context, c *cast) error {
			return client.Redo(ctx, c, "trip", "1", "mail", "mail", "ada", "it is up again")
		},
		"resolve": func(ctx context.Context, c *cast) error {
			return client.Resolve(ctx, c, "trip", "1", "mail", "mail", "ada", "called them")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				c := &cast{Log: eventtest.NewLog(), ctx: ctx, logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
				require.NoError(t, c.Ensure(ctx, "trip"))
				ok := func(context.Context, agent.Task) (agent.Result, error) { return agent.Result{}, nil }
				up := false
				base := config.Config{Saga: "trip", CompensationHandler: config.NoCompensation}
				pay, mail, post := base, base, base
				pay.Agent, pay.Pivot = "pay", true
				mail.Agent, mail.After, mail.Final, mail.FallbackAgents, mail.CompensationHandler = "mail", []string{"pay"}, true, []string{"post"}, "take-back"
				once := config.RetryPolicy{BaseDelay: time.Second, MaxDelay: time.Second, Multiplier: 1}.Exactly()
				mail.RetryPolicy, mail.CompensationRetryPolicy = once, once
				post.Agent, post.Step, post.StandIn, post.Final = "post", "mail", true, true
				running := []<-chan struct{}{
					c.run(t, role{pay, agent.Handler{Perform: ok}}),
					c.run(t, role{post, agent.Handler{Perform: ok}}),
					c.run(t, role{mail, agent.Handler{
						Perform: func(context.Context, agent.Task) (agent.Result, error) {
							return agent.Result{}, agent.Unknown(errors.New("no answer"))
						},
						Compensations: agent.Compensations{"take-back": func(context.Context, agent.Undo) error {
							if !up {
								return errors.New("it is down")
							}
							return nil
						}},
					}}),
				}
				synctest.Wait()
				submit(t, c, "1")
				time.Sleep(time.Hour)
				s, _, err := client.Load(ctx, c, "trip", "1", 0)
				require.NoError(t, err)
				require.Equal(t, saga.Stuck, s.Status())
				up = name == "redo"
				require.NoError(t, person(ctx, c))
				time.Sleep(time.Minute)
				s, _, err = client.Load(ctx, c, "trip", "1", 0)
				require.NoError(t, err)
				require.Equal(t, saga.Completed, s.Status())
				require.Equal(t, "post", s.Step("mail").Done.Agent)
				cancel()
				for _, done := range running {
					<-done
				}
				c.Close()
			})
		})
	}
}
