package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// strangers are the checks of what others write who keep no protocol.
var strangers = []Check{
	{
		Name: "foreign-events", Rule: "saga/doc.go, Forward; DESIGN, On the wire (consumers)",
		Text: "it is silent when other steps of its saga type come and go",
		run:  foreign,
	},
	{
		Name: "bare", Rule: "DESIGN, On the wire", asks: 0,
		Text: "what asks for it may be a plain publish, without CloudEvents",
		run:  bare,
	},
	{
		Name: "header-case", Rule: "DESIGN, On the wire",
		Text: "it reads headers whatever their case",
		run:  headerCase,
	},
	{
		Name: "garbage", Rule: "DESIGN, Not obvious (the fold believes no stranger)",
		Text: "malformed JSON under its subjects is passed over, and the next saga is done",
		run:  garbage,
	},
	{
		Name: "unknown-events", Rule: "DESIGN, Not obvious",
		Text: "an event of a kind that it does not know does not stop a saga",
		run:  unknownEvents,
	},
	{
		Name: "nonsense-claim", Rule: "DESIGN, Not obvious (the fold believes no stranger)",
		Text: "a stranger's claim that makes no sense puts that saga aside, and no other",
		run:  nonsenseClaim,
	},
}

// lives checks that the agent still completes a saga, and did not die.
func (b *bench) lives(ctx context.Context) error {
	_, _, _, _, err := b.goes(ctx)
	return err
}

// survives plays something, and checks that no process died of it.
func (b *bench) survives(ctx context.Context, play func() error) error {
	before := b.deaths()
	if err := play(); err != nil {
		if n := b.deaths(); n > before {
			return wrong("the agent alive", fmt.Sprintf("it died %d times", n-before))
		}
		return err
	}
	if err := b.lives(ctx); err != nil {
		return err
	}
	return ensure(b.deaths() == before, "the agent alive", "it died of it")
}

func foreign(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	task := events.Event{Seq: 1}
	var err error
	if !b.cfg.Entry() {
		if task, err = s.submit(ctx); err != nil {
			return err
		}
	}
	one, err := s.perform(ctx, "verify-one", nil, task, nil)
	if err != nil {
		return err
	}
	if _, err := s.claim(ctx, "verify-two", []string{"verify-one"}, one); err != nil {
		return err
	}
	if _, err := s.write(ctx, s.of("verify-one", events.Fallback, 0, "verify-stand-in"), one, events.HandOver{From: "verify-one", Attempt: 1}); err != nil {
		return err
	}
	h, err := s.rest(ctx)
	if err != nil {
		return err
	}
	for _, e := range h {
		if e.Source != as {
			return wrong("silence", e.Subject.Event()+" of "+e.Source)
		}
	}
	return nil
}

// strange asks the agent by a message that the verifier's codec would not write.
func (s *scene) strange(ctx context.Context, header func(events.Event) nats.Header) error {
	cause, err := s.before(ctx)
	if err != nil {
		return err
	}
	e := events.Event{ID: "verify-" + s.id, Source: as, Causation: cause.ID}
	switch {
	case s.b.cfg.Entry():
		e.Subject, e.Data = events.TaskSubject(s.b.cfg.Saga, s.id), s.task
	case s.b.cfg.StandIn:
		e.Subject = s.mine(events.Fallback, 0)
		e.Data, err = json.Marshal(events.HandOver{From: s.primaryName(), Attempt: 1})
	default:
		last := len(s.b.cfg.After) - 1
		for _, step := range s.b.cfg.After[:last] {
			if cause, err = s.done(ctx, step, s.early(), cause, s.results[step]); err != nil {
				return err
			}
			if _, err := s.rest(ctx); err != nil { // or it is the one that finds all done
				return err
			}
		}
		step := s.b.cfg.After[last]
		var d events.Done
		if d, err = s.doneData(ctx, step, s.early(), s.results[step]); err != nil {
			return err
		}
		e.Subject = s.of(step, events.Completed, 0, "")
		e.Data, err = json.Marshal(d)
	}
	if err != nil {
		return err
	}
	s.seen, err = s.b.publish(ctx, e.Subject.String(), header(e), e.Data)
	return err
}

func bare(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	if err := s.strange(ctx, func(events.Event) nats.Header { return nil }); err != nil {
		return err
	}
	_, _, err := s.until(ctx, s.slot(events.Completed, 0))
	return err
}

func headerCase(ctx context.Context, b *bench) error {
	s := b.scene(b.subject.Case.Completes)
	var id string
	err := s.strange(ctx, func(e events.Event) nats.Header {
		id = e.ID
		h, _ := events.Encode(e)
		upper := nats.Header{}
		for name, values := range h {
			upper[strings.ToUpper(name)] = values
		}
		return upper
	})
	if err != nil {
		return err
	}
	claim, _, err := s.until(ctx, s.claimSlot(s.n))
	if err != nil {
		return err
	}
	if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
		return err
	}
	return ensure(claim.Causation == id, "ce-causationid "+id+", as CE-ID said", "%q", claim.Causation)
}

func garbage(ctx context.Context, b *bench) error {
	return b.survives(ctx, func() error {
		bodies := []string{`{"agent": `, "", `[]`, `"a text"`, `null`, "\xff\xfe\x00"}
		for _, l := range b.listeners()[:2] {
			for i, filter := range l.filters {
				if strings.Contains(filter, ".answered-") || strings.Contains(filter, ".redo-") && i > 12 {
					continue
				}
				s := b.scene(b.subject.Case.Completes)
				subject := strings.TrimSuffix(filter, "*") + s.id
				if _, err := b.publish(ctx, subject, nil, []byte(bodies[i%len(bodies)])); err != nil {
					return err
				}
			}
		}
		for _, body := range bodies[:2] {
			s := b.scene(b.subject.Case.Completes)
			filter := b.listeners()[0].filters[len(b.listeners()[0].filters)-1]
			if _, err := b.publish(ctx, strings.TrimSuffix(filter, "*")+s.id, nil, []byte(body)); err != nil {
				return err
			}
		}
		_, err := b.scenes[len(b.scenes)-1].rest(ctx)
		return err
	})
}

func unknownEvents(ctx context.Context, b *bench) error {
	return b.survives(ctx, func() error {
		s := b.scene(b.subject.Case.Completes)
		prefix := "saga." + b.cfg.Saga + "." + b.cfg.Step
		for _, subject := range []string{prefix + ".frobnicated." + s.id, prefix + ".mused-7." + s.id, "saga." + b.cfg.Saga + ".saga.pondered." + s.id} {
			if _, err := b.publish(ctx, subject, nil, []byte(`{"agent": 7}`)); err != nil {
				return err
			}
		}
		if _, err := s.ask(ctx); err != nil {
			return err
		}
		if _, _, err := s.until(ctx, s.slot(events.Completed, 0)); err != nil {
			return err
		}
		_, err := s.rest(ctx)
		return err
	})
}

func nonsenseClaim(ctx context.Context, b *bench) error {
	return b.survives(ctx, func() error {
		s := b.scene(b.subject.Case.Completes)
		claim := events.Claim{Agent: "verify-stranger", Instance: as, After: []string{"verify-never"}, Cause: events.CauseStep, Trigger: events.Trigger{Stream: "SAGA_" + b.cfg.Saga, Seq: 1}}
		e, err := s.write(ctx, events.ClaimSubject(b.cfg.Saga, "verify-strange", 1, s.id), events.Event{}, claim)
		if err != nil {
			return err
		}
		if _, err := s.turn(ctx, e); err != nil { // somebody has to read this history
			return err
		}
		h, err := s.rest(ctx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(h, func(e events.Event) bool { return e.Source != as }); i >= 0 {
			return wrong("silence about a history that makes no sense", h[i].Subject.Event())
		}
		return nil
	})
}
