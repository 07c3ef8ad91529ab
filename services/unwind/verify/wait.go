package verify

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// reply says how an attempt ended whose outcome comes from outside, if that is what
// the agent waits for.
func (s *scene) reply(ctx context.Context, h history) error {
	slot := s.slot(events.Answered, 1)
	waits := h.of(events.Pending, s.b.cfg.Step)
	if s.answer == nil || len(waits) == 0 || h.has(slot) {
		return nil
	}
	last := waits[len(waits)-1]
	_, err := s.write(ctx, slot, last, events.Answer{Outcome: events.OutcomeCompleted, Attempt: last.Subject.N, By: as, Data: s.answer})
	return err
}

// quiet is how long an agent that has acknowledged everything is given to think
// of something all the same.
const quiet = time.Second

// until waits for an event of the agent. It is given up when the agent has
// acknowledged all it has, for a while, and no time is given; or when the check's
// time is up.
func (s *scene) until(ctx context.Context, want events.Subject, waits ...time.Duration) (*events.Event, history, error) {
	var h history
	var calm time.Time
	patience := quiet
	for _, d := range waits {
		patience += d
	}
	for begin := time.Now(); ; {
		var err error
		if h, err = s.read(ctx); err != nil {
			return nil, h, unless(ctx, err, want.Event(), "no answer of the broker")
		}
		if e := h.find(want); e != nil {
			return e, h, nil
		}
		if err := s.reply(ctx, h); err != nil {
			return nil, h, err
		}
		if time.Since(begin) > 20*time.Millisecond {
			settled, err := s.b.settled(ctx)
			switch {
			case err != nil:
				return nil, h, unless(ctx, err, want.Event(), "")
			case !settled:
				calm = time.Time{}
			case calm.IsZero():
				calm = time.Now()
			case time.Since(calm) > patience:
				return nil, h, wrong(want.String(), "the agent has acknowledged all that it was sent, and that is not written")
			}
		}
		if err := pause(ctx, s.b.pulse()); err != nil {
			return nil, h, wrong(want.String(), "not in time")
		}
	}
}

// caught waits until the agent tries to write what a rule holds. It is given up as
// [scene.until] does.
func (s *scene) caught(ctx context.Context, r *rule, slot events.Subject) error {
	var calm time.Time
	for {
		select {
		case <-r.first:
			return nil
		default:
		}
		if s.answer != nil {
			h, err := s.read(ctx)
			if err := cmp.Or(err, s.reply(ctx, h)); err != nil {
				return err
			}
		}
		settled, err := s.b.settled(ctx)
		switch {
		case err != nil:
			return unless(ctx, err, slot.String(), "")
		case !settled:
			calm = time.Time{}
		case calm.IsZero():
			calm = time.Now()
		case time.Since(calm) > quiet:
			return wrong(slot.String(), "the agent has acknowledged all that it was sent, and has not tried to write that")
		}
		if err := pause(ctx, s.b.pulse()); err != nil {
			return wrong(slot.String(), "not in time")
		}
	}
}

// pulse is how often is looked.
func (b *bench) pulse() time.Duration { return 4 * time.Millisecond }

// rest waits until the agent has acknowledged all that came to it, what it wrote
// meanwhile included.
func (s *scene) rest(ctx context.Context) (history, error) {
	for length := -1; ; {
		h, err := s.read(ctx)
		if err != nil {
			return nil, unless(ctx, err, "all messages acknowledged", "")
		}
		settled, err := s.b.settled(ctx)
		if err != nil {
			return nil, unless(ctx, err, "all messages acknowledged", ": "+s.b.unsettled())
		}
		if settled && len(h) == length {
			return h, nil
		}
		if length = -1; settled {
			length = len(h)
			continue
		}
		if err := pause(ctx, s.b.pulse()); err != nil {
			return nil, wrong("all messages acknowledged", "some are not: "+s.b.unsettled())
		}
	}
}

// unsettled says what the agent has not acknowledged.
func (b *bench) unsettled() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var held []string
	for _, l := range b.listeners() {
		c, err := b.js.Consumer(ctx, l.stream, l.name)
		if err != nil {
			continue
		}
		if info := c.CachedInfo(); info.NumAckPending > 0 || info.NumPending > 0 {
			held = append(held, fmt.Sprintf("%s holds %d and has %d to come", l.name, info.NumAckPending, info.NumPending))
		}
	}
	return strings.Join(held, "; ")
}
