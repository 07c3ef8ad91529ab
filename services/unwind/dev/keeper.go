package dev

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/child"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A keeper keeps one replica of an agent alive.
type keeper struct {
	program Program
	replica int // from 1
	command []string
	env     []string
	config  Config
	out     *outlet

	mu      sync.Mutex
	process *child.Process
	ended   chan struct{} // closed when the process that runs has ended; nil while none runs
	parked  bool
	unpark  chan struct{} // closed when it is parked no more
	deaths  int           // in all
	begun   time.Time
}

// run keeps the process alive until ctx is done, and returns when it is gone.
func (k *keeper) run(ctx context.Context) {
	delay := k.config.FirstDelay
	for ctx.Err() == nil {
		if !k.mayRun(ctx) {
			return
		}
		began := time.Now()
		how := k.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if k.isParked() {
			k.tell("is dead (%s), and left so", how)
			delay = k.config.FirstDelay
			continue
		}
		if time.Since(began) > settled {
			delay = k.config.FirstDelay
		}
		k.tell("died (%s), again in %s", how, ink.Span(delay))
		pause(ctx, delay)
		delay = min(2*delay, k.config.MostDelay)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// mayRun waits while the agent is parked.
func (k *keeper) mayRun(ctx context.Context) bool {
	k.mu.Lock()
	parked := k.unpark
	k.mu.Unlock()
	if parked == nil {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-parked:
		return true
	}
}

// once runs the process from its start to its end, and says how it ended.
func (k *keeper) once(ctx context.Context) (how string) {
	child.OnOneThread(func() {
		p, ended, err := k.start()
		if err != nil {
			how = err.Error()
			return
		}
		how = p.Wait(ctx, k.config.Grace)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.process, k.ended = nil, nil
		k.deaths++
		close(ended)
	})
	return how
}

// start begins the process unless it was parked a moment ago: under the lock,
// so that whoever parks an agent finds the process or prevents it.
func (k *keeper) start() (*child.Process, chan struct{}, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.parked {
		return nil, nil, fmt.Errorf("it was parked before it began")
	}
	p, err := child.Start(k.command, k.program.folder(), k.env, k.print)
	if err != nil {
		k.deaths++
		return nil, nil, err
	}
	k.process, k.ended, k.begun = p, make(chan struct{}), time.Now()
	return p, k.ended, nil
}

// kill ends the process that runs, and waits until it has ended.
func (k *keeper) kill(park bool) error {
	k.mu.Lock()
	if park && !k.parked {
		k.parked, k.unpark = true, make(chan struct{})
	}
	p, ended := k.process, k.ended
	var err error
	if p != nil {
		err = child.KillGroup(p.ID())
	}
	k.mu.Unlock()
	if err != nil {
		return fmt.Errorf("kill process %d of agent %q: %w", p.ID(), k.program.Config.Agent, err)
	}
	if ended != nil {
		<-ended
	}
	return nil
}

func (k *keeper) unparkIt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.parked {
		close(k.unpark)
		k.parked, k.unpark = false, nil
	}
}

func (k *keeper) isParked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.parked
}

func (k *keeper) name() string {
	if k.program.Replicas > 1 {
		return fmt.Sprintf("%s#%d", k.program.Config.Agent, k.replica)
	}
	return k.program.Config.Agent
}

func (k *keeper) print(line string) {
	if !k.config.Quiet {
		k.out.line(k.program.Config.Agent, k.name(), line)
	}
}

func (k *keeper) tell(format string, args ...any) {
	k.out.note(k.program.Config.Agent, k.name(), fmt.Sprintf(format, args...))
}
