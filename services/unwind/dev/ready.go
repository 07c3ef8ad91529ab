package dev

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Ready waits until agents listen: all of those that are not parked, or those
// that are named. An agent listens when each of its processes has asked the
// broker for work, forward and back. That is the broker's word for it, so it
// holds for agents in any language that name their consumers like ours,
// <agent>_forward and <agent>_compensate. An agent that died stands in the way
// until it is back; the error says who it was that did not come.
func (c *Crew) Ready(ctx context.Context, agents ...string) error {
	js, err := jetstream.New(c.log.Conn())
	if err != nil {
		return fmt.Errorf("wait until the agents listen: %w", err)
	}
	for {
		absent := c.absent(ctx, js, agents)
		if len(absent) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s listen: %w\nhint: look at what they print", strings.Join(absent, ", "), ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// absent lists the agents that do not listen yet.
func (c *Crew) absent(ctx context.Context, js jetstream.JetStream, agents []string) (names []string) {
	replicas := map[string]int{}
	var order []*keeper
	for _, k := range c.keepers {
		agent, p := k.program.Config.Agent, k.look()
		if len(agents) == 0 && p.Parked || len(agents) > 0 && !slices.Contains(agents, agent) {
			continue
		}
		if replicas[agent]++; replicas[agent] == 1 {
			order = append(order, k)
		}
		if p.PID == 0 && !slices.Contains(names, agent) {
			names = append(names, agent)
		}
	}
	for _, name := range agents {
		if replicas[name] == 0 {
			names = append(names, name)
		}
	}
	for _, k := range order {
		agent := k.program.Config.Agent
		if !slices.Contains(names, agent) && !listens(ctx, js, k.program.Config.Saga, agent, replicas[agent]) {
			names = append(names, agent)
		}
	}
	return names
}

func listens(ctx context.Context, js jetstream.JetStream, typ, agent string, replicas int) bool {
	for _, purpose := range []string{"_forward", "_compensate"} {
		consumer, err := js.Consumer(ctx, "SAGA_"+typ, agent+purpose)
		if err != nil || consumer.CachedInfo().NumWaiting < replicas {
			return false
		}
	}
	return true
}
