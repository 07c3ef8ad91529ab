package sagatest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

const (
	storyType = "story"
	storyID   = "1"

	lease = 15 * time.Second // of a delivery
	rest  = 3 * time.Minute  // for who is late, after the end
)

// A Stage is where a story is played: its agents run on a log, in virtual time.
// It must be used inside a testing/synctest bubble.
type Stage struct {
	Ledger Ledger
	// Crash, when set, is asked at every append whether the process that makes
	// it dies there: before or after the event is written.
	Crash func(e events.Event, written bool) bool

	log     events.Log
	logger  *slog.Logger
	faults  []*fault
	revive  time.Duration // who dies is back so much later; 0: only when told
	behind  time.Duration // reads show what they must, and what is older
	players []*player

	mu    sync.Mutex
	over  bool  // nobody starts any more
	err   error // what kept an agent from running
	calls map[string]int
	notes []string
}

// NewStage prepares a stage on a log. What the agents log goes to t.
func NewStage(t *testing.T, log events.Log) *Stage {
	return &Stage{log: log, logger: slog.New(slog.NewTextHandler(t.Output(), nil)), calls: map[string]int{}}
}

// Play plays a story to its end and returns the history and how it stood.
func (s *Stage) Play(t *testing.T, story *Story) ([]events.Event, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := s.log.Ensure(ctx, storyType); err != nil {
		return nil, err
	}
	s.Ledger.open, s.faults, s.revive, s.behind = story.Open, story.breaks(), story.Revive, story.Behind
	for i, a := range story.Cast {
		for j := range a.Replicas {
			p := &player{
				stage: s, actor: a, when: a.Config.When, instance: fmt.Sprintf("%s#%d", a.Config.Agent, j+1),
				// Nobody acts at the very same moment: stories come out alike.
				life: make(chan struct{}, 1),
				pace: a.Hears + time.Duration(10*i+3*j)*time.Millisecond,
			}
			s.players = append(s.players, p)
			p.again = func() { p.start(ctx) }
			p.start(ctx)
		}
	}
	ended := s.ended(ctx)
	began := time.Now()
	for _, cue := range story.Cues {
		time.Sleep(time.Until(began.Add(cue.At)))
		if err := s.cue(ctx, cue); err != nil {
			return nil, fmt.Errorf("at %s %s: %w", cue.At, cue.What, err)
		}
	}
	select {
	case <-ended:
		time.Sleep(rest)
	case <-time.After(time.Until(began.Add(story.Until))):
	}
	s.mu.Lock()
	s.over = true
	err := s.err
	s.mu.Unlock()
	for _, p := range s.players {
		p.end()
	}
	if err != nil {
		return nil, err
	}
	return s.log.History(ctx, storyType, storyID, 0)
}

// ended is closed when the saga has ended.
func (s *Stage) ended(ctx context.Context) <-chan struct{} {
	ended := make(chan struct{})
	over := errors.New("over")
	go func() {
		err := s.log.Follow(ctx, storyType, storyID, 0, func(e events.Event) error {
			if k := e.Subject.Kind; k == events.SagaCompleted || k == events.SagaCompensated {
				return over
			}
			return nil
		})
		if errors.Is(err, over) {
			close(ended)
		}
	}()
	return ended
}

// cue does what comes from outside.
func (s *Stage) cue(ctx context.Context, c Cue) error {
	arg := func(i int) string {
		if i < len(c.Args) {
			return c.Args[i]
		}
		return ""
	}
	switch c.What {
	case "submit":
		payload := strings.Join(c.Args, " ")
		if payload == "" {
			payload = "{}"
		}
		return s.note(s.write(ctx, events.TaskSubject(storyType, storyID), []byte(payload)))
	case "cancel":
		return s.note(s.say(ctx, events.LatchSubject(storyType, storyID), events.Turn{Reason: events.ReasonCancelled, By: "a person"}))
	case "answer":
		return s.answer(ctx, arg(0), events.Outcome(arg(1)), arg(2))
	case "redo":
		return s.redo(ctx, arg(0), arg(1))
	case "by-hand":
		if err := s.say(ctx, events.Subject{Type: storyType, Step: arg(0), Kind: events.Compensated, Agent: arg(1), ID: storyID},
			events.Undone{By: "a person", Reason: "done by hand", Found: events.FoundUndone}); err != nil {
			return err
		}
		s.Ledger.undo(saga.Key(storyType, storyID, arg(0), arg(1)))
		return nil
	}
	if c.What == "configure" {
		return s.configure(arg(0), arg(1))
	}
	if c.What == "attend" || c.What == "doubt" {
		return s.attend(ctx, c.What == "doubt")
	}
	found := false
	for _, p := range s.players {
		if !p.is(arg(0)) {
			continue
		}
		found = true
		switch c.What {
		case "kill":
			p.kill()
		case "start":
			p.back(p.current())
		case "freeze":
			p.freeze()
		case "thaw":
			p.thaw()
		default:
			return errors.New("no such cue")
		}
	}
	if !found {
		return fmt.Errorf("no agent %q", arg(0))
	}
	return nil
}

// attend is a person who does whatever waits for one, and asks again for
// whatever is stuck; in doubt, of a saga that went back, for whatever was undone
// as well.
func (s *Stage) attend(ctx context.Context, doubt bool) error {
	history, err := s.log.History(ctx, storyType, storyID, 0)
	if err != nil {
		return err
	}
	state, err := saga.Fold(history)
	if err != nil {
		return err
	}
	for _, st := range state.Steps {
		if state.Waits(st) || state.Stranded(st) {
			err = errors.Join(err, s.answer(ctx, st.Name, events.OutcomeCompleted, ""))
		}
		for _, u := range st.Undos {
			if u.Stuck() || doubt && state.Turned() && u.Done != nil {
				err = errors.Join(err, s.redo(ctx, st.Name, u.Agent))
			}
		}
	}
	return err
}

// answer is somebody who does what a step waits for, or not, and says so.
func (s *Stage) answer(ctx context.Context, step string, outcome events.Outcome, next string) error {
	history, err := s.log.History(ctx, storyType, storyID, 0)
	if err != nil {
		return err
	}
	state, err := saga.Fold(history)
	if err != nil {
		return err
	}
	a := events.Answer{Outcome: outcome, By: "a person", Next: next}
	if st := state.Step(step); st != nil {
		last := st.Last()
		if n, err := strconv.Atoi(next); err == nil && n <= len(st.Attempts) {
			last, a.Next = st.Attempts[n-1], ""
		} else if outcome == events.OutcomeCompleted && !last.Waiting() && !state.Stranded(st) {
			return nil // nobody asked
		}
		a.Attempt = last.N
		if outcome == events.OutcomeCompleted {
			key := saga.RoundKey(saga.Key(storyType, storyID, step, last.Claim.Agent), st.RoundOf(last.N))
			s.Ledger.insist(key)
			a.Data, a.Undo = json.RawMessage(`"done by hand"`), json.RawMessage(strconv.Quote(key))
		}
	}
	return s.note(s.say(ctx, events.Subject{Type: storyType, Step: step, Kind: events.Answered, N: state.NextAnswer(step), ID: storyID}, a))
}

// redo asks an agent to undo again.
func (s *Stage) redo(ctx context.Context, step, agent string) error {
	at := events.Subject{Type: storyType, Step: step, Kind: events.Redo, N: 1, Agent: agent, ID: storyID}
	for ; ; at.N++ {
		err := s.say(ctx, at, events.RedoOrder{By: "a person", Reason: "try again"})
		if !errors.Is(err, events.ErrTaken) {
			return err
		}
	}
}

func (s *Stage) say(ctx context.Context, at events.Subject, data any) error {
	e, err := events.New(at, "a person", events.Event{}, data)
	if err != nil {
		return err
	}
	_, err = s.log.Append(ctx, e)
	return err
}

// write appends a body that need not be JSON.
func (s *Stage) write(ctx context.Context, at events.Subject, body []byte) error {
	e, err := events.New(at, "upstream", events.Event{}, nil)
	if err != nil {
		return err
	}
	e.Data = body
	_, err = s.log.Append(ctx, e)
	return err
}

// note keeps a refusal for the transcript: it is what a story may be about.
func (s *Stage) note(err error) error {
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		s.notes = append(s.notes, refusal.Error())
		return nil
	}
	return err
}

// fail keeps the first error that kept an agent from running.
func (s *Stage) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = cmp.Or(s.err, err)
}

// count says how many calls of a kind an agent has had before this one.
func (s *Stage) count(what, agent string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.calls[what+" "+agent]
	s.calls[what+" "+agent]++
	return n
}

// Epilogue says how the story ended: the refusals that people saw, the saga's
// status, and what is there of the effects.
func (s *Stage) Epilogue(state *saga.State) string {
	var b strings.Builder
	for _, note := range s.notes {
		fmt.Fprintf(&b, "refused: %s\n", note)
	}
	fmt.Fprintf(&b, "status: %s\n", state.Status())
	left := s.Ledger.Left()
	for i, key := range left {
		left[i] = strings.TrimPrefix(key, storyType+"/"+storyID+"/")
	}
	if len(left) == 0 {
		left = []string{"nothing"}
	}
	fmt.Fprintf(&b, "there: %s\n", strings.Join(left, ", "))
	return b.String()
}

// Clean says what is wrong with the effects at the end: whatever is there
// although the saga went back, or though another agent completed its step, and
// whatever is missing although the saga went forward.
func (s *Stage) Clean(state *saga.State) error {
	want := []string{}
	if state.Ended() && state.End.Forward {
		for _, st := range state.Steps {
			if !st.Done.Skipped {
				want = append(want, saga.RoundKey(saga.Key(state.Type, state.ID, st.Name, st.Done.Agent), st.Round(st.Done.Agent)))
			}
		}
	}
	slices.Sort(want)
	if left := s.Ledger.Left(); !slices.Equal(left, want) {
		return fmt.Errorf("effects: %v are there, want %v", left, want)
	}
	return nil
}

// paced is a log whose deliveries take a moment, whose reads may be behind, and
// whose reads, timers and large results may be cut.
type paced struct {
	events.Log
	player *player
}

func (l paced) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	return l.Log.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
		time.Sleep(l.player.pace)
		handle(ctx, d)
	})
}

func (l paced) History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error) {
	agent := l.player.actor.Config.Agent
	l.player.strike("read", fmt.Sprintf("%s-%d", agent, l.player.stage.count("read", agent)+1))
	history, err := l.Log.History(ctx, typ, id, atLeast)
	return slices.DeleteFunc(history, func(e events.Event) bool {
		return e.Seq > atLeast && time.Since(e.Time) < l.player.stage.behind
	}), err
}

func (l paced) SetTimer(ctx context.Context, t events.Timer) error {
	l.player.strike("timer", strings.Split(t.Set(), ".")[4])
	return l.Log.SetTimer(ctx, t)
}

func (l paced) Put(ctx context.Context, typ string, data []byte) (events.Ref, error) {
	agent := l.player.actor.Config.Agent
	l.player.strike("store", fmt.Sprintf("%s-%d", agent, l.player.stage.count("store", agent)+1))
	return l.Log.Put(ctx, typ, data)
}
