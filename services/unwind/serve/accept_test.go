package serve_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/serve"
)

// A choir is agents that say what they accept.
type choir struct {
	*eventtest.Log
	t     *testing.T
	all   sync.WaitGroup
	asked int
}

func (c *choir) Instances(ctx context.Context, typ string) ([]events.Instance, error) {
	c.asked++
	return c.Log.Instances(ctx, typ)
}

func (c *choir) sing(agent, name, file string) (stop func()) {
	c.t.Helper()
	cfg, err := config.Parse(name, []byte("agent: "+agent+"\nsaga: trip\n"+file), nil)
	require.NoError(c.t, err)
	declared, err := cfg.Declared()
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(c.t.Context())
	c.all.Go(func() {
		_ = c.Announce(ctx, events.Instance{
			Type: "trip", Step: agent, Agent: agent, Name: name, Version: "v1.0.0", Declared: declared,
		}, func() events.Vitals { return events.Vitals{} })
	})
	synctest.Wait()
	return cancel
}

func TestDoorman(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &choir{Log: eventtest.NewLog(), t: t}
		require.NoError(t, c.Ensure(t.Context(), "trip"))
		d := serve.NewDoorman(c)
		accept := func(task string) error {
			err := d.Accept(t.Context(), "trip", []byte(task))
			synctest.Wait() // who is asked beside it
			return err
		}
		require.NoError(t, accept(`{}`), "nobody is there to be asked")

		old := c.sing("seat", "seat@1", "task_schema: {type: object, required: [to]}\n")
		stops := []func(){
			old,
			c.sing("card", "card@1", "after: [seat]\n"),
			c.sing("mail", "mail@1", ""),
		}
		require.NoError(t, accept(`{}`), "what was heard is still believed")
		time.Sleep(time.Minute)
		require.NoError(t, accept(`{}`), "whoever comes first does not wait")
		err := accept(`{}`)
		require.ErrorContains(t, err, "agent seat would reject the task: ")
		require.ErrorContains(t, err, "to")
		require.NoError(t, accept(`{"to": 1}`))
		require.Equal(t, 2, c.asked)

		// In the middle of an update either version will do.
		stops = append(stops, c.sing("seat", "seat@2", "task_schema: {type: object, required: [from]}\n"))
		time.Sleep(time.Minute)
		_ = accept(`{}`)
		require.NoError(t, accept(`{"to": 1}`))
		require.NoError(t, accept(`{"from": 1}`))
		require.Error(t, accept(`{}`))
		for _, stop := range stops {
			stop()
		}
		c.all.Wait()
		c.Close()
		require.Error(t, accept(`{}`), "what was heard last counts while nobody answers")
	})
}
