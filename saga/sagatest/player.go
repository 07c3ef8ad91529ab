package sagatest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/when"
)

// A player is one instance of an agent, as alone in its process.
type player struct {
	stage    *Stage
	actor    Actor
	instance string
	pace     time.Duration
	log      *eventtest.Faulty
	stop     context.CancelFunc
	done     chan struct{}
	again    func() // starts it once more

	life chan struct{} // held over its starts and its end; a mutex would stop the time
	mu   sync.Mutex
	when *when.Condition
	busy bool          // in the middle of a call
	gate chan struct{} // nil unless frozen
}

func (p *player) start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	faulty := eventtest.NewFaulty(p.stage.log, p.faults())
	p.mu.Lock()
	p.log, p.stop, p.done = faulty, cancel, done
	cfg := p.actor.Config
	cfg.When = p.when
	p.mu.Unlock()
	go func() {
		defer close(done)
		options := agent.Options{
			Logger: p.stage.logger, Instance: p.instance, Grace: time.Millisecond,
			Random: func() float64 { return 0 },
		}
		if err := options.Run(ctx, paced{faulty, p}, cfg, p.handler()); err != nil && ctx.Err() == nil {
			p.stage.logger.Error("the agent ended", "agent", p.instance, "error", err)
			if !errors.Is(err, eventtest.ErrDead) {
				p.stage.fail(err)
			}
		}
	}()
}

// current is the process that the player is now.
func (p *player) current() *eventtest.Faulty {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log
}

func (p *player) dead() bool {
	select {
	case <-p.current().Dead():
		return true
	default:
		return false
	}
}

// kill ends the player as SIGKILL ends a process.
func (p *player) kill() {
	process := p.current()
	process.Kill()
	p.stop()
	if p.stage.revive > 0 {
		p.later(process, p.stage.revive)
	}
}

// later brings the player back after a while, as whoever watches over processes
// does.
func (p *player) later(process *eventtest.Faulty, after time.Duration) {
	time.AfterFunc(after, func() { p.back(process) })
}

// back starts the player again, unless somebody has done that.
func (p *player) back(process *eventtest.Faulty) {
	p.life <- struct{}{}
	defer func() { <-p.life }()
	p.stage.mu.Lock()
	over := p.stage.over
	p.stage.mu.Unlock()
	if over || p.current() != process || !p.dead() {
		return
	}
	p.stop()
	<-p.done
	p.again()
}

// end is the player's end.
func (p *player) end() {
	p.life <- struct{}{}
	defer func() { <-p.life }()
	p.thaw()
	p.stop()
	<-p.done
}

// freeze stops the player in the middle of whatever it does, and nobody knows:
// its leases run out.
func (p *player) freeze() {
	p.current().Freeze()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gate == nil {
		p.gate = make(chan struct{})
	}
}

func (p *player) thaw() {
	p.mu.Lock()
	if p.gate != nil {
		close(p.gate)
		p.gate = nil
	}
	p.mu.Unlock()
	p.current().Thaw()
}

// is reports whether a cue means this player.
func (p *player) is(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch name {
	case "working":
		return p.busy
	case "frozen":
		return p.gate != nil
	default:
		return name == p.instance || name == p.actor.Config.Agent
	}
}

func (p *player) work(busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = busy
}

// breath waits while the player is frozen.
func (p *player) breath() {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	if gate != nil {
		<-gate
	}
}
