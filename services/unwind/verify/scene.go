package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A scene is one saga of a check: the agent's part is played by the agent, all
// others by the verifier, which keeps the protocol as they would.
type scene struct {
	b        *bench
	id       string
	task     json.RawMessage
	answer   json.RawMessage // to an attempt whose outcome comes from outside
	results  map[string]json.RawMessage
	n        int // the attempt that the agent is asked for
	deadline time.Time
	seen     uint64 // up to where the history was read or written
	noted    uint64 // up to where it was read
}

// scene begins a saga with an id that nothing else has.
func (b *bench) scene(m *Matter) *scene {
	b.sagas++
	s := &scene{
		b: b, id: fmt.Sprintf("verify-%d-%s", b.sagas, b.config.run),
		task: m.task, answer: m.answer, results: map[string]json.RawMessage{}, n: 1, deadline: time.Now().Add(b.cfg.Deadline).UTC(),
	}
	if s.task == nil {
		s.task = b.first
	}
	if s.task == nil {
		s.task = json.RawMessage(`{}`)
	}
	own := strings.NewReplacer("{{n}}", strconv.Itoa(b.sagas))
	s.task = json.RawMessage(own.Replace(string(s.task)))
	for step, result := range m.results {
		s.results[step] = json.RawMessage(own.Replace(string(result)))
	}
	for _, before := range b.cfg.After {
		if _, given := s.results[before]; !given {
			s.results[before] = json.RawMessage(`{}`)
		}
	}
	if b.cfg.StandIn {
		s.n = 2
	}
	b.scenes = append(b.scenes, s)
	return s
}

// slot names an event of the agent's step.
func (s *scene) slot(k events.Kind, n int) events.Subject { return s.of(s.b.cfg.Step, k, n, "") }

// mine names an event of the agent on the way back.
func (s *scene) mine(k events.Kind, n int) events.Subject {
	return s.of(s.b.cfg.Step, k, n, s.b.cfg.Agent)
}

func (s *scene) of(step string, k events.Kind, n int, agent string) events.Subject {
	return events.Subject{Type: s.b.cfg.Saga, Step: step, Kind: k, N: n, Agent: agent, ID: s.id}
}

func (s *scene) claimSlot(n int) events.Subject {
	return events.ClaimSubject(s.b.cfg.Saga, s.b.cfg.Step, n, s.id)
}

func (s *scene) end(k events.Kind) events.Subject { return s.of("", k, 0, "") }

// write appends an event as whoever the verifier plays.
func (s *scene) write(ctx context.Context, subject events.Subject, cause events.Event, data any) (events.Event, error) {
	e, err := events.New(subject, as, cause, data)
	if err != nil {
		return e, err
	}
	e.Seq, err = s.b.log.Append(ctx, e)
	s.seen = max(s.seen, e.Seq)
	return e, err
}

// trigger is the message that an event was.
func (s *scene) trigger(e events.Event) events.Trigger {
	return events.Trigger{Stream: "SAGA_" + s.b.cfg.Saga, Seq: e.Seq}
}

// submit writes the task.
func (s *scene) submit(ctx context.Context) (events.Event, error) {
	return s.write(ctx, events.TaskSubject(s.b.cfg.Saga, s.id), events.Event{}, s.task)
}

// claim claims a step that somebody else performs.
func (s *scene) claim(ctx context.Context, step string, after []string, cause events.Event) (events.Event, error) {
	c := events.Claim{Agent: step, Instance: as, After: after, Trigger: s.trigger(cause), Cause: events.CauseStep}
	if len(after) == 0 {
		c.Cause, c.Deadline, c.After = events.CauseTask, s.deadline, []string{}
	}
	return s.write(ctx, events.ClaimSubject(s.b.cfg.Saga, step, 1, s.id), cause, c)
}

// done completes a step that somebody else performs.
func (s *scene) done(ctx context.Context, step string, after []string, cause events.Event, result json.RawMessage) (events.Event, error) {
	d, err := s.doneData(ctx, step, after, result)
	if err != nil {
		return events.Event{}, err
	}
	return s.write(ctx, s.of(step, events.Completed, 0, ""), cause, d)
}

func (s *scene) doneData(ctx context.Context, step string, after []string, result json.RawMessage) (events.Done, error) {
	state, err := s.fold(ctx)
	if err != nil {
		return events.Done{}, err
	}
	in := state.Input(after)
	if in.Deadline.IsZero() {
		in.Deadline = s.deadline
	}
	return saga.Attach(events.Done{Agent: step, Attempt: 1, After: slices.Concat([]string{}, after), Result: result}, in), nil
}

// perform claims and completes a step that somebody else performs.
func (s *scene) perform(ctx context.Context, step string, after []string, cause events.Event, result json.RawMessage) (events.Event, error) {
	c, err := s.claim(ctx, step, after, cause)
	if err != nil {
		return c, err
	}
	return s.done(ctx, step, after, c, result)
}

// before plays all that comes before the agent's turn but for the steps that it
// follows: those are claimed, and to be completed.
func (s *scene) before(ctx context.Context) (cause events.Event, err error) {
	if s.b.cfg.Entry() {
		return events.Event{}, nil
	}
	task, err := s.submit(ctx)
	if err != nil {
		return task, err
	}
	if err := s.b.log.SetTimer(ctx, events.Timer{
		Type: s.b.cfg.Saga, To: events.Everyone, What: events.DeadlineTimer, ID: s.id, Due: s.deadline, Seq: task.Seq,
	}); err != nil {
		return task, err
	}
	var early []string
	for _, step := range slices.Sorted(maps.Keys(s.results)) {
		if slices.Contains(s.b.cfg.After, step) || step == s.b.cfg.Step {
			continue
		}
		if cause, err = s.perform(ctx, step, nil, task, s.results[step]); err != nil {
			return cause, err
		}
		early = append(early, step)
	}
	if len(early) == 0 {
		cause = task
	}
	for _, step := range s.b.cfg.After {
		if _, err := s.claim(ctx, step, early, cause); err != nil {
			return cause, err
		}
	}
	if s.b.cfg.StandIn {
		return s.primary(ctx, early, cause)
	}
	return cause, nil
}

// early are the steps before those that the agent follows.
func (s *scene) early() (list []string) {
	for _, step := range slices.Sorted(maps.Keys(s.results)) {
		if !slices.Contains(s.b.cfg.After, step) && step != s.b.cfg.Step {
			list = append(list, step)
		}
	}
	return list
}

// primaryName is the agent in whose place a stand-in works.
func (s *scene) primaryName() string {
	if s.b.cfg.Step != s.b.cfg.Agent {
		return s.b.cfg.Step
	}
	return "verify-primary"
}

// primary plays the agent in whose place a stand-in works: it can't.
func (s *scene) primary(ctx context.Context, early []string, cause events.Event) (events.Event, error) {
	c := events.Claim{Agent: s.primaryName(), Instance: as, After: early, Trigger: s.trigger(cause), Cause: events.CauseStep}
	if len(early) == 0 {
		c.Cause, c.Deadline, c.After = events.CauseTask, s.deadline, []string{}
	}
	if _, err := s.write(ctx, s.claimSlot(1), cause, c); err != nil {
		return cause, err
	}
	return s.write(ctx, s.slot(events.Failed, 1), cause, events.Failure{
		Agent: s.primaryName(), Error: events.Error{Code: "down", Message: "the provider is down"},
		Class: events.Unavailable, Left: events.LeftNothing, Then: events.ThenFallback, Next: s.b.cfg.Agent, Chain: []string{},
	})
}

// call writes the event that asks the agent.
func (s *scene) call(ctx context.Context, cause events.Event) (events.Event, error) {
	switch {
	case s.b.cfg.Entry():
		return s.submit(ctx)
	case s.b.cfg.StandIn:
		return s.write(ctx, s.mine(events.Fallback, 0), cause, events.HandOver{From: s.primaryName(), Attempt: 1})
	}
	for _, step := range s.b.cfg.After {
		last, err := s.done(ctx, step, s.early(), cause, s.results[step])
		if err != nil {
			return last, err
		}
		cause = last
	}
	return cause, nil
}

// ask plays all that comes before, and asks the agent.
func (s *scene) ask(ctx context.Context) (events.Event, error) {
	cause, err := s.before(ctx)
	if err != nil {
		return cause, err
	}
	return s.call(ctx, cause)
}

// read reads the history.
func (s *scene) read(ctx context.Context) (history, error) {
	h, err := s.b.log.History(ctx, s.b.cfg.Saga, s.id, s.seen)
	for _, e := range h {
		if e.Seq > s.noted {
			s.b.note("SAGA_"+s.b.cfg.Saga, e.Subject.String(), e.Seq)
			s.noted = e.Seq
		}
	}
	s.seen = max(s.seen, s.noted)
	return h, err
}

func (s *scene) fold(ctx context.Context) (*saga.State, error) {
	h, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return saga.Fold(h)
}

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

// turn sets the latch, as a person would.
func (s *scene) turn(ctx context.Context, cause events.Event) (events.Event, error) {
	return s.write(ctx, events.LatchSubject(s.b.cfg.Saga, s.id), cause, events.Turn{Reason: events.ReasonCancelled, By: as})
}

// back plays the way back to its end: all others undo what they are asked to,
// and it is the agent that goes on each time, because the clock reminds it.
func (s *scene) back(ctx context.Context) (history, error) {
	ended := s.end(events.SagaCompensated)
	for {
		h, err := s.rest(ctx)
		if err != nil {
			return h, err
		}
		if h.has(ended) {
			return h, nil
		}
		state, err := saga.Fold(h)
		if err != nil {
			return h, wrong("a history that can be read", err.Error())
		}
		moved := false
		for _, st := range state.Steps {
			for _, u := range st.Undos {
				if u.Done != nil || u.Order == nil || st.Name == s.b.cfg.Step && u.Agent == s.b.cfg.Agent {
					continue
				}
				order := *h.find(s.of(st.Name, events.Compensate, 0, u.Agent))
				if _, err := s.write(ctx, s.of(st.Name, events.Compensated, 0, u.Agent), order, events.Undone{By: as, Found: events.FoundUndone}); err != nil {
					return h, err
				}
				moved = true
			}
		}
		if !moved {
			return h, wrong(ended.String(), "the agent has acknowledged all that it was sent, and the saga stands still")
		}
		if err := s.b.ring(ctx, events.Timer{Type: s.b.cfg.Saga, To: events.Everyone, What: events.AdvanceTimer, ID: s.id, Seq: s.seen}); err != nil {
			return h, err
		}
	}
}

// seize lets a twin of the agent claim the step first: another instance, because
// of another message. The agent finds the step in good hands.
func (s *scene) seize(ctx context.Context) (claim events.Event, err error) {
	cause, err := s.before(ctx)
	if err != nil {
		return cause, err
	}
	slot := s.claimSlot(s.n)
	hold := s.b.gate.hold(slot.String())
	defer hold.drop()
	asked, err := s.call(ctx, cause)
	if err != nil {
		return asked, err
	}
	if err := s.caught(ctx, hold, slot); err != nil {
		return asked, err
	}
	state, err := s.fold(ctx)
	if err != nil {
		return asked, err
	}
	after := slices.Concat([]string{}, s.b.cfg.After)
	if st := state.Step(s.b.cfg.Step); st != nil {
		after = st.After
	}
	c := events.Claim{
		Agent: s.b.cfg.Agent, Instance: as, After: after, Cause: events.CauseStep,
		Trigger: events.Trigger{Stream: "SAGA_" + s.b.cfg.Saga, Seq: asked.Seq + 1_000_000},
	}
	switch {
	case s.b.cfg.Entry():
		c.Cause, c.Deadline = events.CauseTask, s.deadline
	case s.b.cfg.StandIn:
		c.Cause = events.CauseFallback
	}
	claim, err = s.write(ctx, slot, asked, c)
	hold.release()
	if err != nil {
		return claim, err
	}
	_, err = s.rest(ctx) // it finds the claim, and nothing that came of it yet
	return claim, err
}

// A fault is what a check found: what was expected, and what was seen.
type fault struct{ want, seen string }

func (f *fault) Error() string { return "want " + f.want + ", seen: " + f.seen }

func wrong(want, seen string) error { return &fault{want, seen} }

// unless makes a fault of an error that says no more than that the time is up.
func unless(ctx context.Context, err error, want, seen string) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return wrong(want, "not in time"+seen)
	}
	return err
}

func ensure(holds bool, want, format string, args ...any) error {
	if holds {
		return nil
	}
	return wrong(want, fmt.Sprintf(format, args...))
}
