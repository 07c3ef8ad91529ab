package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
)

// A Crew is a broker and the processes of agents. Its methods may be called by
// several goroutines.
type Crew struct {
	config  Config
	server  *broker.Server // nil when another broker is used
	log     *broker.Log
	url     string
	first   map[string]uint64
	keepers []*keeper
	cancel  context.CancelFunc
	running sync.WaitGroup
	stopped sync.Once
}

// Start starts a broker, or connects to the one of the configuration, builds
// what has to be built, and starts all processes. ctx is for the start alone:
// what was started runs until [Crew.Stop]. It does not wait until the agents
// listen; [Crew.Ready] does.
func Start(ctx context.Context, c Config, programs []Program) (*Crew, error) {
	crew := &Crew{config: c.withDefaults(), first: map[string]uint64{}}
	if err := crew.start(ctx, programs); err != nil {
		crew.Stop()
		return nil, err
	}
	return crew, nil
}

func (c *Crew) start(ctx context.Context, programs []Program) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.ensure(ctx, types(programs)); err != nil {
		return err
	}
	b := builder{folder: filepath.Join(c.config.Store, "bin"), unwind: c.config.Unwind, built: map[string]string{}}
	out := &outlet{w: c.config.Output, ink: c.config.Ink}
	for _, p := range programs {
		command, err := b.command(ctx, p)
		if err != nil {
			return err
		}
		p.Replicas = cmp.Or(p.Replicas, c.config.Replicas)
		env := slices.Concat(os.Environ(), []string{"NATS_URL=" + c.url}, c.config.Env, p.Env)
		for i := range p.Replicas {
			k := &keeper{program: p, replica: i + 1, command: command, env: env, config: c.config, out: out}
			c.keepers = append(c.keepers, k)
			out.wide = max(out.wide, len(k.name()))
		}
	}
	running, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	for _, k := range c.keepers {
		c.running.Go(func() { k.run(running) })
	}
	return nil
}

// ensure makes the streams: here, once, rather than by all agents at the same
// moment.
func (c *Crew) ensure(ctx context.Context, types []string) (err error) {
	for _, typ := range types {
		// Looked at before, because a task may come as soon as there is a stream.
		c.first[typ], err = Next(ctx, c.log, typ)
		switch {
		case errors.Is(err, events.ErrNoType):
			c.first[typ] = 1
		case err != nil:
			return err
		}
		if err := c.log.Ensure(ctx, typ); err != nil {
			return err
		}
	}
	return nil
}

// open starts or finds the broker.
func (c *Crew) open(ctx context.Context) (err error) {
	if c.config.URL != "" {
		c.url = c.config.URL
		c.log, err = broker.Connect(ctx, broker.Config{URL: c.url, Name: "unwind dev", Logger: c.config.Logger})
		return err
	}
	if err := prepare(c.config.Store); err != nil {
		return err
	}
	c.server, err = broker.Embed(ctx, filepath.Join(c.config.Store, "broker"), broker.ServerConfig{
		Port: c.config.Port, SyncAlways: c.config.SyncAlways, SyncInterval: c.config.SyncInterval, Logger: c.config.Logger,
	})
	if err != nil {
		return err
	}
	c.url = c.server.ClientURL()
	c.log, err = broker.Connect(ctx, broker.Config{InProcess: c.server, Name: "unwind dev", Logger: c.config.Logger})
	return err
}

// prepare makes the store, which is nothing to be committed.
func prepare(store string) error {
	if err := os.MkdirAll(store, 0o750); err != nil {
		return fmt.Errorf("make the store: %w", err)
	}
	if err := os.WriteFile(filepath.Join(store, ".gitignore"), []byte("*\n"), 0o640); err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	return nil
}

// URL is where the broker is.
func (c *Crew) URL() string { return c.url }

// Log is a connection to the broker, open until [Crew.Stop].
func (c *Crew) Log() *broker.Log { return c.log }

// First is the sequence from which on a saga type's events are of this crew's
// time; 0 for a type that is not of its agents.
func (c *Crew) First(typ string) uint64 { return c.first[typ] }

// Stop ends all processes: SIGTERM to all at once, and SIGKILL to those that
// are still there after the grace. Then the broker is stopped. When it returns
// no process is left. It may be called more than once.
func (c *Crew) Stop() {
	c.stopped.Do(func() {
		if c.cancel != nil {
			c.cancel()
		}
		c.running.Wait()
		if c.log != nil {
			c.log.Close()
		}
		if c.server != nil {
			c.server.Shutdown()
		}
	})
}

// A Process is one replica of an agent.
type Process struct {
	Agent   string
	Replica int // from 1
	PID     int // 0 while it does not run
	Since   time.Time
	Deaths  int // how often it has ended so far
	Parked  bool
}

// Processes lists all replicas of all agents.
func (c *Crew) Processes() []Process {
	var list []Process
	for _, k := range c.keepers {
		list = append(list, k.look())
	}
	return list
}

func (k *keeper) look() Process {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := Process{Agent: k.program.Config.Agent, Replica: k.replica, Deaths: k.deaths, Parked: k.parked}
	if k.process != nil {
		p.PID, p.Since = k.process.ID(), k.begun
	}
	return p
}

// Kill ends an agent's processes by SIGKILL, as a crash would, and returns when
// they are gone. They are started again after a delay. name is an agent, or one
// of its replicas: face-matching#2.
func (c *Crew) Kill(name string) error {
	return c.each(name, func(k *keeper) error { return k.kill(false) })
}

// Park ends an agent's processes like [Crew.Kill], and leaves them dead.
func (c *Crew) Park(name string) error {
	return c.each(name, func(k *keeper) error { return k.kill(true) })
}

// Unpark starts them again, at once.
func (c *Crew) Unpark(name string) error {
	return c.each(name, func(k *keeper) error { k.unparkIt(); return nil })
}

func (c *Crew) each(name string, do func(*keeper) error) error {
	chosen := c.find(name)
	if len(chosen) == 0 {
		var names []string
		for _, k := range c.keepers {
			names = append(names, k.program.Config.Agent)
		}
		return fmt.Errorf("no agent %q\nhint: there are %s", name, strings.Join(slices.Compact(names), ", "))
	}
	for _, k := range chosen {
		if err := do(k); err != nil {
			return err
		}
	}
	return nil
}

func (c *Crew) find(name string) (chosen []*keeper) {
	for _, k := range c.keepers {
		if agent := k.program.Config.Agent; name == agent || name == fmt.Sprintf("%s#%d", agent, k.replica) {
			chosen = append(chosen, k)
		}
	}
	return chosen
}
