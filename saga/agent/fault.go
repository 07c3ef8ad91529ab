package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent/inject"
)

// errInjected is in every error that was made on purpose.
var errInjected = errors.New("injected fault")

// injector finds what the options or else the environment ask for.
func (o Options) injector() (*inject.Injector, error) {
	if o.Faults != nil {
		return o.Faults, nil
	}
	return inject.FromEnv()
}

// drill puts the faults between the runtime and the author's functions, and
// takes layers away.
func (r *runner) drill(o Options) error {
	layers, err := o.layers()
	if err != nil {
		return err
	}
	r.without(layers)
	if layers != AllLayers {
		r.logger.Warn(layersAreReduced, "layers", layers)
		r.drilled = append(r.drilled, "layers", layers)
	}
	in, err := o.injector()
	if err != nil || in == nil {
		return err
	}
	r.logger.Warn(faultsAreInjected, "faults", in.File, "seed", in.Profile.Seed)
	r.drilled = append(r.drilled, "faults", in.File, "seed", in.Profile.Seed)
	f := faulty{r, in, dieNow}
	r.handler.Perform = f.perform(r.handler.Perform)
	if r.undo != nil {
		r.undo = f.compensate(r.undo)
	}
	return nil
}

// faulty is an agent whose calls meet faults.
type faulty struct {
	*runner
	in  *inject.Injector
	die func() // and never return
}

// dieNow ends this process as a crash would.
func dieNow() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {}
}

func (f faulty) perform(do func(context.Context, Task) (Result, error)) func(context.Context, Task) (Result, error) {
	return func(ctx context.Context, t Task) (Result, error) {
		c := inject.Call{Saga: t.ID, Step: t.Step, Agent: t.Agent, N: nth(ctx)}
		return meet(ctx, f, c, func(ctx context.Context) (Result, error) { return do(ctx, t) })
	}
}

func (f faulty) compensate(do func(context.Context, Undo) error) func(context.Context, Undo) error {
	return func(ctx context.Context, u Undo) error {
		again, _ := ctx.Value(againKey{}).(bool)
		c := inject.Call{Saga: u.ID, Step: u.Step, Agent: u.Agent, Undoing: true, N: nth(ctx), Again: again}
		_, err := meet(ctx, f, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx, u) })
		return err
	}
}

// meet makes a call, or whatever it meets instead.
func meet[T any](ctx context.Context, f faulty, c inject.Call, do func(context.Context) (T, error)) (none T, _ error) {
	fault, meets := f.in.Meets(c)
	if !meets {
		return do(ctx)
	}
	f.logger.WarnContext(ctx, "fault injected", "kind", fault.Kind, "saga", c.Saga, "undoing", c.Undoing, "call", c.N)
	if err := f.in.Journal.Note(c, fault.Kind); err != nil {
		f.logger.ErrorContext(ctx, "note a fault in the journal", "error", err)
	}
	switch fault.Kind {
	case inject.Unavailable:
		return none, Unavailable("expired_key", fmt.Errorf("%w: 401, the key has expired", errInjected))
	case inject.Refused:
		return none, Refuse("injected", "%w: refused", errInjected)
	case inject.Busy:
		return none, &Failure{Code: "http_429", RetryAfter: fault.Wait, Err: fmt.Errorf("%w: 429 Too Many Requests", errInjected)}
	case inject.Down:
		return none, &Failure{Code: "http_503", RetryAfter: fault.Wait, Err: fmt.Errorf("%w: 503 Service Unavailable", errInjected)}
	case inject.Hang:
		<-ctx.Done()
		return none, fmt.Errorf("%w: it hangs: %w", errInjected, ctx.Err())
	case inject.Late:
		<-ctx.Done()
		go func() { // nobody waits for it: that is the fault
			time.Sleep(time.Duration(fault.Share * float64(latest)))
			_, err := do(context.WithoutCancel(ctx))
			f.logger.WarnContext(ctx, "a late effect", "saga", c.Saga, "undoing", c.Undoing, "error", err)
		}()
		return none, fmt.Errorf("%w: it hangs: %w", errInjected, ctx.Err())
	case inject.Pause:
		if err := pause(fault.Wait); err != nil {
			return none, fmt.Errorf("%w: pause: %w", errInjected, err)
		}
		// It does not look at the time before it goes on.
		return do(context.WithoutCancel(ctx))
	case inject.LostBefore:
		return none, fmt.Errorf("%w: the connection was cut: %w", errInjected, io.ErrUnexpectedEOF)
	case inject.LostAfter:
		if _, err := do(ctx); err != nil {
			return none, err
		}
		return none, fmt.Errorf("%w: the answer was lost: %w", errInjected, io.ErrUnexpectedEOF)
	case inject.Garbage:
		if _, err := do(ctx); err != nil {
			return none, err
		}
		return none, badResult{fmt.Errorf("%w: the result is no JSON: %q", errInjected, "\x00garbage"), nil}
	case inject.KillBefore:
		f.die()
	case inject.KillDuring:
		go func() {
			time.Sleep(time.Duration(fault.Share * float64(during)))
			f.die()
		}()
		_, _ = do(ctx)
		f.die()
	case inject.KillAfter:
		_, _ = do(ctx)
		f.die()
	}
	return none, fmt.Errorf("%w: %s", errInjected, fault.Kind)
}

const (
	during = 10 * time.Millisecond // until a process is killed in the middle of a call, at the latest
	latest = 2 * time.Second       // until something happens after all, when its time is up
)

// What a drilled call carries in its context: a handler knows nothing of it.
type (
	againKey struct{}
	nthKey   struct{}
)

func nth(ctx context.Context) int {
	n, _ := ctx.Value(nthKey{}).(int)
	return max(n, 1)
}

// heard notes with the work on a delivery whether it came again: a process that
// dies while it undoes leaves nothing else for whoever comes next to count.
func (r *runner) heard(working context.Context, d events.Delivery) context.Context {
	if r.drilled == nil {
		return working
	}
	return context.WithValue(working, againKey{}, d.Redelivered)
}

// counted notes which call of this agent an attempt at its step is. Those that
// it lost in a crash count: they were claimed.
func (r *runner) counted(ctx context.Context, st *saga.Step, attempt int) context.Context {
	if r.drilled == nil {
		return ctx
	}
	n := 1
	if st != nil {
		for _, a := range st.Attempts {
			if a.Claim.Agent == r.role.Agent && a.N < attempt {
				n++
			}
		}
	}
	return context.WithValue(ctx, nthKey{}, n)
}

// countedUndo notes which try of this agent at undoing its step is next.
func (r *runner) countedUndo(ctx context.Context, s *saga.State) context.Context {
	if r.drilled == nil {
		return ctx
	}
	n := 1
	if st := s.Step(r.role.Step); st != nil {
		if u := st.Undo(r.role.Agent); u != nil {
			n += len(u.Failures)
		}
	}
	return context.WithValue(ctx, nthKey{}, n)
}
