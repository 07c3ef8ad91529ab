package shadow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/replay"
)

// A Config says what is tried. Agent and Candidate are required.
type Config struct {
	Agent     config.Config // whose calls they are, and how long one may take
	Candidate agent.Handler
	Undo      bool            // its undoing too, not only its step
	Ignore    replay.Ignoring // places of results that may differ
	AtOnce    int             // sagas at a time; default: one for each processor
}

// A Saga is one whose calls are given to the candidate.
type Saga struct {
	Type, ID string
	History  []events.Event
	Shelf    events.Shelf // where its large results are
}

// A Trial is one call, and what came of it.
type Trial struct {
	Type, ID string
	replay.Trial
}

// A Summary counts calls by how they came out.
type Summary struct {
	Sagas      int `json:"sagas"`      // in which the agent was called
	Others     int `json:"others"`     // in which it was not
	Unreadable int `json:"unreadable"` // whose history makes no sense
	Same       int `json:"same"`
	Differ     int `json:"differ"`
	Fail       int `json:"fail"`       // what worked then
	Mended     int `json:"mended"`     // what failed then
	Uncompared int `json:"uncompared"` // nobody knows what came of them then
}

// Run gives the calls of the sagas to the candidate: those of one saga one after the
// other, as they were made, of several sagas at a time. tell is called with each, by
// one goroutine at a time. A saga that can't be read ends it, and so does ctx.
func Run(ctx context.Context, c Config, sagas iter.Seq2[Saga, error], tell func(Trial)) (Summary, error) {
	rehearse := func(shelf events.Shelf) (*agent.Rehearsal, error) {
		return agent.Rehearse(c.Agent, c.Candidate, shelf, nil)
	}
	if _, err := rehearse(nil); err != nil {
		return Summary{}, fmt.Errorf("replay agent %q: %w", c.Agent.Agent, err)
	}
	if c.AtOnce < 1 {
		c.AtOnce = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		sum  Summary
		mu   sync.Mutex // of sum and tell
		all  sync.WaitGroup
		todo = make(chan Saga)
	)
	for range c.AtOnce {
		all.Go(func() {
			for s := range todo {
				err := c.one(ctx, s, rehearse, func(count func(*Summary), t *Trial) {
					mu.Lock()
					defer mu.Unlock()
					count(&sum)
					if t != nil {
						tell(*t)
					}
				})
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	err := feed(ctx, sagas, todo)
	all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return sum, err
}

// feed hands the sagas out.
func feed(ctx context.Context, sagas iter.Seq2[Saga, error], todo chan<- Saga) error {
	defer close(todo)
	for s, err := range sagas {
		if err != nil {
			return err
		}
		select {
		case todo <- s:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// one tries the calls of one saga.
func (c Config) one(ctx context.Context, s Saga, rehearse func(events.Shelf) (*agent.Rehearsal, error), note func(func(*Summary), *Trial)) error {
	calls, err := replay.Calls(ctx, s.History, c.Agent.Agent, s.Shelf)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, replay.ErrNotCalled):
		note(func(sum *Summary) { sum.Others++ }, nil)
		return nil
	case err != nil:
		note(func(sum *Summary) { sum.Unreadable++ }, nil)
		return nil
	}
	r, err := rehearse(s.Shelf)
	if err != nil {
		return err
	}
	note(func(sum *Summary) { sum.Sagas++ }, nil)
	for _, call := range calls {
		if call.Undo != nil && !c.Undo {
			continue
		}
		t, err := replay.Try(ctx, r, call, c.Ignore)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		note(func(sum *Summary) { sum.count(t.Verdict) }, &Trial{s.Type, s.ID, t})
	}
	return nil
}

func (s *Summary) count(v replay.Verdict) {
	switch v {
	case replay.Same:
		s.Same++
	case replay.Differs:
		s.Differ++
	case replay.Fails:
		s.Fail++
	case replay.Mended:
		s.Mended++
	default:
		s.Uncompared++
	}
}

// Clean reports whether whatever could be compared came out the same.
func (s Summary) Clean() bool { return s.Differ+s.Fail+s.Mended+s.Unreadable == 0 }

// String is the summary in a line: 1,204 same, 3 differ, 1 fails.
func (s Summary) String() string {
	p := message.NewPrinter(language.English)
	parts := []string{p.Sprintf("%d same", s.Same)}
	add := func(n int, one, more string) {
		switch {
		case n == 1:
			parts = append(parts, p.Sprintf("1 %s", one))
		case n > 1:
			parts = append(parts, p.Sprintf("%d %s", n, more))
		}
	}
	add(s.Differ, "differs", "differ")
	add(s.Fail, "fails", "fail")
	add(s.Mended, "fails no more", "fail no more")
	add(s.Uncompared, "can't be compared", "can't be compared")
	add(s.Unreadable, "saga can't be read", "sagas can't be read")
	add(s.Others, "saga without it", "sagas without it")
	return strings.Join(parts, ", ")
}
