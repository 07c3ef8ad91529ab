package sagatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
)

// handler is the author's part of an agent: it acts as its story says, and has
// its effects in the ledger.
func (p *player) handler() agent.Handler {
	h := agent.Handler{Perform: p.perform}
	if p.actor.Config.CompensationHandler == "undo" {
		h.Compensations = agent.Compensations{"undo": p.undo}
	}
	return h
}

func (p *player) perform(ctx context.Context, t agent.Task) (agent.Result, error) {
	p.work(true)
	defer p.work(false)
	what, arg := outcome(p.actor.Does, p.stage.count("do", p.actor.Config.Agent))
	if what == "hang" {
		<-ctx.Done()
		return agent.Result{}, ctx.Err()
	}
	if what == "stray" { // it does not hear that its time is up
		time.Sleep(p.actor.Config.Timeout + 5*time.Second)
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-time.After(p.actor.Takes):
	case <-ctx.Done():
		return agent.Result{}, ctx.Err()
	}
	p.breath()
	if p.dead() {
		return agent.Result{}, context.Canceled
	}
	failed := errors.New("it did not work")
	switch what {
	case "fail":
		return agent.Result{}, failed
	case "unavailable":
		return agent.Result{}, agent.Unavailable("quota", failed)
	case "refuse":
		return agent.Result{}, agent.Refuse("declined", "it is not acceptable")
	case "retry-after":
		d, err := time.ParseDuration(arg)
		if err != nil {
			return agent.Result{}, err
		}
		return agent.Result{}, agent.RetryAfter(d, failed)
	case "lost":
		return agent.Result{}, agent.Unknown(failed)
	case "panic":
		panic("it did not work")
	case "asks":
		within, err := span(arg)
		return agent.Result{Pending: &agent.Pending{For: "a person", Person: true, Within: within}}, err
	}
	if err := p.stage.Ledger.do(t.Key); err != nil {
		return agent.Result{}, agent.ErrDead
	}
	switch what {
	case "die":
		p.kill()
		return agent.Result{}, context.Canceled
	case "unknown":
		return agent.Result{}, agent.Unknown(failed)
	case "accepted":
		within, err := span(arg)
		return agent.Result{Undo: t.Key, Pending: &agent.Pending{For: "a callback", Within: within}}, err
	case "garbage":
		return agent.Result{Data: json.RawMessage(garbage), Undo: t.Key}, nil
	case "ok", "stray":
		return agent.Result{Data: map[string]string{"by": t.Agent}, Undo: t.Key}, nil
	case "large":
		return agent.Result{Data: largeResult(t.Agent), Undo: t.Key}, nil
	case "read":
		var read map[string]string
		if err := t.Result(arg, &read); err != nil {
			return agent.Result{}, err
		}
		return agent.Result{Data: read, Undo: t.Key}, nil
	default:
		return agent.Result{}, fmt.Errorf("no such outcome: %q", what)
	}
}

func (p *player) undo(ctx context.Context, u agent.Undo) error {
	what, arg := outcome(p.actor.Undoes, p.stage.count("undo", p.actor.Config.Agent))
	if what == "slow" {
		d, err := time.ParseDuration(arg)
		if err != nil {
			return err
		}
		time.Sleep(d)
	}
	p.breath()
	if p.dead() {
		return context.Canceled
	}
	switch what {
	case "fail":
		return errors.New("it could not be undone")
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	case "panic":
		panic("it could not be undone")
	}
	of := u.Of
	if _, err := u.Decode(&of); err != nil { // whoever has a token needs no key
		return err
	}
	found := p.stage.Ledger.undo(of)
	switch {
	case what == "die":
		p.kill()
		return context.Canceled
	case what == "unknown":
		return agent.Unknown(errors.New("the answer got lost"))
	case !found:
		return agent.ErrNothingFound
	}
	return nil
}

// span reads a time that need not be given.
func span(arg string) (time.Duration, error) {
	if arg == "" {
		return 0, nil
	}
	return time.ParseDuration(arg)
}

// largeResult is more than travels with an event, and more than one part of an
// object.
func largeResult(agent string) map[string]string {
	return map[string]string{"by": agent, "scan": strings.Repeat("0123456789abcdef", 10_000)}
}
