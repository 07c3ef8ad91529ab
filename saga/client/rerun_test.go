package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/sagatest"
)

// A journey is a diamond of agents, visa -> (hotel, seat) -> card, whose calls are
// counted. The card is declined until it is not.
type journey struct {
	*eventtest.Log
	ctx      context.Context
	declines atomic.Bool
	mu       sync.Mutex
	calls    []string // saga/agent
	undone   []string
	read     map[string]string // what the card read of the seat, by saga
	deadline map[string]time.Time
}

func (c *journey) note(list *[]string, id, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, id+"/"+name)
}

// called lists the agents that were called in a saga.
func (c *journey) called(id string) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range c.calls {
		if len(name) > len(id) && name[:len(id)+1] == id+"/" {
			names = append(names, name[len(id)+1:])
		}
	}
	slices.Sort(names)
	return names
}

func travel(t *testing.T, test func(t *testing.T, c *journey)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &journey{Log: eventtest.NewLog(), ctx: ctx, read: map[string]string{}, deadline: map[string]time.Time{}}
		if err := c.Ensure(ctx, "tour"); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for _, cfg := range []config.Config{
			{Agent: "visa", CompensationHandler: config.NoCompensation, Deadline: time.Hour},
			{Agent: "hotel", After: []string{"visa"}, CompensationHandler: "undo"},
			{Agent: "seat", After: []string{"visa"}, CompensationHandler: "undo"},
			{Agent: "card", After: []string{"hotel", "seat"}, CompensationHandler: "undo", Final: true},
		} {
			cfg.Saga = "tour"
			h := agent.Handler{Perform: func(_ context.Context, task agent.Task) (agent.Result, error) {
				c.note(&c.calls, task.ID, task.Agent)
				if task.Agent == "card" {
					var seat string
					err := task.Result("seat", &seat)
					c.mu.Lock()
					c.read[task.ID], c.deadline[task.ID] = seat+" "+string(task.Payload), task.Deadline
					c.mu.Unlock()
					if err != nil {
						return agent.Result{}, err
					}
					if c.declines.Load() {
						return agent.Result{}, agent.Refuse("declined", "the card is declined")
					}
				}
				return agent.Result{Data: task.Agent + " of " + task.ID, Undo: task.Key}, nil
			}}
			if cfg.CompensationHandler == "undo" {
				h.Compensations = agent.Compensations{"undo": func(_ context.Context, u agent.Undo) error {
					c.note(&c.undone, u.ID, u.Agent)
					return nil
				}}
			}
			all.Go(func() {
				if err := (agent.Options{Grace: time.Millisecond}).Run(ctx, c.Log, cfg, h); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		c.declines.Store(true)
		if _, err := client.Submit(ctx, c, "tour", "old", []byte(`{"to":"Rome"}`), "shop"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := c.state(t, "old"); s.Status() != saga.Compensated {
			t.Fatalf("the old saga is %s", s.Status())
		}
		c.declines.Store(false)
		test(t, c)
		cancel()
		all.Wait()
		c.Close()
	})
}

// state folds a saga, and checks what must hold of any.
func (c *journey) state(t *testing.T, id string) *saga.State {
	t.Helper()
	s, history, err := client.Load(c.ctx, c, "tour", id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := sagatest.Check(history, false); err != nil {
		t.Errorf("%v\n%s", err, sagatest.Transcript(history))
	}
	return s
}

func again(from, id string) client.Again {
	return client.Again{From: from, ID: id, By: "ada", Reason: "the bank is mended", EvenUndone: true}
}

func TestRerunFromTheBeginning(t *testing.T) {
	travel(t, func(t *testing.T, c *journey) {
		time.Sleep(48 * time.Hour)
		r, err := client.Rerun(c.ctx, c, "tour", "old", again("", "new"))
		if err != nil || len(r.Taken) != 0 {
			t.Fatal(r, err)
		}
		synctest.Wait()
		s := c.state(t, "new")
		if got := c.called("new"); s.Status() != saga.Completed || len(got) != 4 {
			t.Errorf("%s, called %v", s.Status(), got)
		}
		if want := (events.Rerun{Of: "old", Reason: "the bank is mended"}); *s.Task.Rerun != want || string(s.Task.Data) != `{"to":"Rome"}` {
			t.Errorf("the task is %+v", s.Task)
		}
		old := c.state(t, "old")
		if s.Task.Causation != old.End.ID || old.Dismissed == nil || old.Dismissed.To != "new" {
			t.Errorf("the sagas are not linked: %+v, %+v", s.Task, old.Dismissed)
		}
	})
}

// Agents are running, and hear of each event as it is written: none of them does
// anew what is taken over.
func TestRerunFromAStep(t *testing.T) {
	for from, want := range map[string][]string{"card": {"card"}, "seat": {"card", "hotel", "seat"}, "visa": {"card", "hotel", "seat", "visa"}} {
		t.Run(from, func(t *testing.T) {
			travel(t, func(t *testing.T, c *journey) {
				time.Sleep(48 * time.Hour)
				if _, err := client.Rerun(c.ctx, c, "tour", "old", again(from, "new")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s := c.state(t, "new")
				if got := c.called("new"); s.Status() != saga.Completed || !slices.Equal(got, want) {
					t.Errorf("%s, called %v, want %v", s.Status(), got, want)
				}
				by := "old"
				if from != "card" {
					by = "new"
				}
				if got, want := c.read["new"], `seat of `+by+` {"to":"Rome"}`; got != want {
					t.Errorf("the card read %q, want %q", got, want)
				}
				if left := time.Until(c.deadline["new"]); left < 59*time.Minute || left > time.Hour {
					t.Errorf("the deadline is in %s", left)
				}
			})
		})
	}
}

// What was taken over is nobody's to undo.
func TestRerunThatTurns(t *testing.T) {
	for from, want := range map[string][]string{"card": nil, "seat": {"new/hotel", "new/seat"}} {
		t.Run(from, func(t *testing.T) {
			travel(t, func(t *testing.T, c *journey) {
				c.declines.Store(true)
				c.undone = nil
				if _, err := client.Rerun(c.ctx, c, "tour", "old", again(from, "new")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if s := c.state(t, "new"); s.Status() != saga.Compensated {
					t.Errorf("it is %s", s.Status())
				}
				slices.Sort(c.undone)
				if !slices.Equal(c.undone, want) {
					t.Errorf("undone: %v, want %v", c.undone, want)
				}
			})
		})
	}
}

func TestRerunIsRefused(t *testing.T) {
	travel(t, func(t *testing.T, c *journey) {
		refused := func(id string, a client.Again, want error) {
			t.Helper()
			if _, err := client.Rerun(c.ctx, c, "tour", id, a); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		refused("old", client.Again{From: "card", ID: "new", By: "ada"}, client.ErrGone)
		refused("old", client.Again{From: "tea", ID: "new", By: "ada"}, client.ErrNotRerun)
		refused("none", again("", "new"), client.ErrNoSaga)
		refused("old", again("card", "old"), client.ErrDuplicate)
		if history, err := c.History(c.ctx, "tour", "new", 0); len(history) != 0 || err != nil {
			t.Errorf("something was written: %v, %v", history, err)
		}
		// visa has nothing to undo, so its result is as good as ever.
		if _, err := client.Rerun(c.ctx, c, "tour", "old", client.Again{From: "seat", ID: "new", By: "ada"}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		// What a rerun took over is judged where it was made.
		if _, err := client.Rerun(c.ctx, c, "tour", "old", again("card", "third")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		refused("third", client.Again{From: "card", ID: "fourth", By: "ada"}, client.ErrGone)
		refused("old", again("", "new"), nil) // the same task under the same id is the same rerun
	})
}

// Whoever reruns dies at any append, or the answer to it is lost. Then the saga ends
// by its deadline, or who tries again under the same id goes on with it.
func TestRerunDies(t *testing.T) {
	for _, resumes := range []bool{true, false} {
		for _, written := range []bool{true, false} {
			for n, died := 0, true; died; n++ {
				t.Run(fmt.Sprintf("resumes=%t/written=%t/%d", resumes, written, n+1), func(t *testing.T) {
					travel(t, func(t *testing.T, c *journey) {
						died = rerunAndDie(t, c, n, written, resumes)
					})
				})
			}
		}
	}
}

func rerunAndDie(t *testing.T, c *journey, n int, written, resumes bool) (died bool) {
	appends := 0
	die := func(events.Event) error {
		appends++
		if appends == n+1 {
			return eventtest.ErrDead
		}
		return nil
	}
	faults := eventtest.Faults{BeforeAppend: die}
	if written {
		faults = eventtest.Faults{AfterAppend: die}
	}
	_, err := client.Rerun(c.ctx, eventtest.NewFaulty(c.Log, faults), "tour", "old", again("card", "new"))
	died = err != nil
	synctest.Wait()
	if resumes {
		if _, err := client.Rerun(c.ctx, c, "tour", "old", again("card", "new")); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(3 * time.Hour)
	history, err := c.History(c.ctx, "tour", "new", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(history) == 0 {
		return died
	}
	s := c.state(t, "new")
	if !s.Ended() || resumes && s.Status() != saga.Completed {
		t.Errorf("it is %s\n%s", s.Status(), sagatest.Transcript(history))
	}
	if got := c.called("new"); s.Status() == saga.Completed && !slices.Equal(got, []string{"card"}) {
		t.Errorf("called: %v", got)
	}
	return died
}
