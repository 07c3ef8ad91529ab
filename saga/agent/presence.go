package agent

import (
	"context"
	"runtime/debug"
	"sync/atomic"

	"github.com/unwind-saga/unwind/events"
)

// announce makes the instance known to people, until ctx is done. That it can't
// be is said once, and keeps nothing from its work.
func (r *runner) announce(ctx context.Context) {
	declared, err := r.cfg.Declared()
	if err == nil {
		err = r.log.Announce(ctx, events.Instance{
			Type: r.role.Type, Step: r.role.Step, Agent: r.role.Agent, Name: r.instance,
			Version: r.version, Started: now().UTC(), Declared: declared,
		}, r.tally.vitals)
	}
	if err != nil && ctx.Err() == nil {
		r.logger.Warn("the agent works, but nobody sees that it is there", "error", err)
	}
}

// versionOf is what an agent says it is: what its options say, else what the
// linker knows of its program.
func versionOf(o Options) string {
	if o.Version != "" {
		return o.Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

// A tally counts what an instance does. It counts what was written, so that two
// instances that did the same count it once.
type tally struct {
	working                                                        atomic.Int64
	performed, failed, retried, handed, pending, undone, undoFails atomic.Uint64
}

func (t *tally) vitals() events.Vitals {
	return events.Vitals{
		Working:   int(t.working.Load()),
		Performed: t.performed.Load(), Failed: t.failed.Load(), Retried: t.retried.Load(), Handed: t.handed.Load(),
		Pending: t.pending.Load(), Undone: t.undone.Load(), UndoFails: t.undoFails.Load(),
	}
}

// observer counts through the seam that all observers share.
func (t *tally) observer() Observer {
	return Observer{
		Called: func(ctx context.Context, _ Call) (context.Context, func(Returned)) {
			t.working.Add(1)
			return ctx, func(Returned) { t.working.Add(-1) }
		},
		Writes: func(_ context.Context, w Writing) (Trace, func(Written)) {
			count := t.counter(w)
			if count == nil {
				return Trace{}, nil
			}
			return Trace{}, func(is Written) {
				if is.Err == nil && !is.Refused {
					count.Add(1)
				}
			}
		},
	}
}

// counter is the one that an event counts at.
func (t *tally) counter(w Writing) *atomic.Uint64 {
	switch w.Event.Subject.Kind {
	case events.Completed:
		return &t.performed
	case events.Failed:
		return &t.failed
	case events.Attempt:
		if claim, ok := w.Data.(events.Claim); ok && claim.Cause == events.CauseRetry {
			return &t.retried
		}
	case events.Fallback:
		return &t.handed
	case events.Pending:
		return &t.pending
	case events.Compensated:
		return &t.undone
	case events.UndoFailed:
		return &t.undoFails
	}
	return nil
}
