package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

var (
	// errOvertaken: a later attempt was claimed, by whoever holds the same
	// message now. It is theirs to acknowledge.
	errOvertaken = errors.New("a later attempt was claimed")
	// errAside: the history of a saga makes no sense. That saga is put aside,
	// and no other.
	errAside = errors.New("the saga is put aside")
)

// serve wraps the work on a delivery: it keeps the lease while the work goes
// on, and acknowledges only what was settled.
func (r *runner) serve(working context.Context, p purpose) func(context.Context, events.Delivery) {
	return func(_ context.Context, d events.Delivery) {
		if working.Err() != nil && d.Err == nil {
			return
		}
		ctx, settled := r.audience.heard(withTrace(working, traceOf(d)), Heard{
			Who: r.who(), Purpose: p.is, Consumer: p.consumer.Name, Delivery: d,
		})
		settled(r.settled(ctx, d, p.work))
	}
}

// settled works on a delivery, and says how that ended.
func (r *runner) settled(ctx context.Context, d events.Delivery, work func(context.Context, events.Delivery) error) (Settlement, error) {
	l := r.logger.With("seq", d.Seq, "subject", d.Subject)
	if d.Err != nil {
		l.WarnContext(ctx, "a message that is no event is passed over", "error", d.Err)
		r.ack(ctx, d, l)
		return PassedOver, d.Err
	}
	release := r.keep(ctx, d)
	err := work(r.heard(ctx, d), d)
	release()
	switch {
	case err == nil:
		r.ack(ctx, d, l)
		return Acknowledged, nil
	case errors.Is(err, errOvertaken):
		l.InfoContext(ctx, "overtaken, let go")
		return Overtaken, nil
	case errors.Is(err, errHeldBack):
		// It was not its turn for as long as a lease lasts. It comes again at
		// once, to any instance, and is judged anew.
		l.DebugContext(ctx, "held back, given back")
		if err := d.Release(0); err != nil {
			l.WarnContext(ctx, "release a delivery", "error", err)
		}
		return HeldBack, nil
	case errors.Is(err, errAside):
		l.ErrorContext(ctx, "the saga is put aside: its history makes no sense", "error", err)
		r.ack(ctx, d, l)
		return PutAside, err
	case ctx.Err() != nil:
		l.InfoContext(ctx, "stopped before it was settled; the message comes again")
		return Stopped, nil
	default:
		l.ErrorContext(ctx, "not settled; the message comes again", "error", err)
		if err := d.Release(time.Duration(float64(time.Second) * (1 + r.random()))); err != nil {
			l.WarnContext(ctx, "release a delivery", "error", err)
		}
		return Unsettled, err
	}
}

func (r *runner) ack(ctx context.Context, d events.Delivery, l *slog.Logger) {
	if err := d.Ack(); err != nil {
		// It comes again, and finds everything settled.
		l.WarnContext(ctx, "acknowledge", "error", err)
	}
}

// keep extends the lease of a delivery until it is released.
func (r *runner) keep(ctx context.Context, d events.Delivery) (release func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		beat := time.NewTicker(r.lease / 3)
		defer beat.Stop()
		for {
			select {
			case <-stop:
				return
			case <-beat.C:
				if err := d.Extend(); err != nil {
					r.logger.WarnContext(ctx, "extend the lease of a delivery", "seq", d.Seq, "error", err)
				}
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// history reads and folds a saga, complete at least up to a sequence. A timer
// may name one that will never be (a stranger's, or one from before the stream
// was restored): it must not keep others waiting for ever.
func (r *runner) history(ctx context.Context, id string, atLeast uint64) (*saga.State, error) {
	ctx, cancel := context.WithTimeout(ctx, r.lease)
	defer cancel()
	list, err := r.log.History(ctx, r.role.Type, id, atLeast)
	if err != nil {
		return nil, fmt.Errorf("read saga %s/%s: %w", r.role.Type, id, err)
	}
	s, err := saga.Fold(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAside, err)
	}
	return s, nil
}

// append writes an event that this instance decided on.
func (r *runner) append(ctx context.Context, s events.Subject, cause events.Event, data any) (uint64, error) {
	e, err := events.New(s, r.instance, cause, data)
	if err != nil {
		return 0, err
	}
	e, written := r.audience.writes(ctx, Writing{Who: r.who(), Event: e, Data: data, Cause: cause})
	seq, err := r.log.Append(ctx, e)
	written(seq, err)
	return seq, err
}

// settle makes the moves that the history implies, and reads again after each,
// until it implies nothing more.
func (r *runner) settle(ctx context.Context, s *saga.State, cause events.Event) error {
	for {
		m := s.Settle(r.role, r.instance, cause.Time)
		if m.Clear {
			err := r.clear(ctx, s)
			switch {
			case errors.Is(err, errStopped):
				return err
			case err != nil && s.Committed != nil:
				if s.Step(r.role.Step).Undone(r.role.Agent) {
					return err // it can be said no more; there is no other way than to try again
				}
				m = saga.Moves{Events: []saga.Draft{r.undoFailed(s, err)}}
			case err != nil:
				m = s.Uncleared(r.role, r.instance, events.Error{Code: "not_cleared", Message: text(err)})
			}
		}
		if len(m.Events) == 0 {
			return r.set(ctx, m.Timers)
		}
		seq, err := r.make(ctx, m, cause)
		if err != nil {
			return err
		}
		before, rejected := s.Seq, s.Rejected != nil
		if s, err = r.history(ctx, s.ID, seq); err != nil {
			return err
		}
		if rejected && s.Rejected == nil {
			// The step of whoever rejected it is still to be claimed, to say so.
			return fmt.Errorf("settle saga %s/%s: it was committed before it could turn", s.Type, s.ID)
		}
		if s.Seq == before {
			// Somebody who keeps no guard stands against it. Asked at once, the
			// log would say the same for ever.
			return fmt.Errorf("settle saga %s/%s: what is owed was refused, and the history does not say why", s.Type, s.ID)
		}
	}
}

// make appends what was decided and returns up to where to read. A refusal is
// no error: somebody else did it, or the history has moved.
func (r *runner) make(ctx context.Context, m saga.Moves, cause events.Event) (seq uint64, err error) {
	for _, d := range m.Events {
		at, err := r.append(ctx, d.Subject, cause, d.Data)
		var refusal *events.Refusal
		if errors.As(err, &refusal) {
			at = refusal.Seq
		} else if err != nil {
			return 0, err
		}
		seq = max(seq, at)
	}
	return seq, r.set(ctx, m.Timers)
}

func (r *runner) set(ctx context.Context, timers []events.Timer) error {
	for _, t := range timers {
		if err := r.log.SetTimer(ctx, r.audience.sets(ctx, r.who(), t)); err != nil {
			return fmt.Errorf("set %s timer of saga %s/%s: %w", t.What, t.Type, t.ID, err)
		}
	}
	return nil
}
