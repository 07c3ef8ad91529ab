package client_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/client"
)

// behind is a log whose first answer is from before.
type behind struct {
	events.Log
	once []events.Event
}

func (b *behind) History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error) {
	if past := b.once; past != nil {
		b.once = nil
		return past, nil
	}
	return b.Log.History(ctx, typ, id, atLeast)
}

func TestInboxAsks(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		if items := c.inbox(t); len(items) != 0 {
			t.Errorf("the inbox of nobody has %+v", items)
		}
		s := c.asks(t, "1")
		items := c.inbox(t, "trip")
		if len(items) != 1 {
			t.Fatalf("the inbox has %+v", items)
		}
		i := items[0]
		if i.ID != "1" || i.Step != "plan" || i.Agent != "desk" || i.Need != client.NeedAnswer || i.Attempt != 2 ||
			i.Question != "Which way?" || i.WaitsFor != "a route" || string(i.Task) != "{}" || string(i.Results["seat"]) != `"12A"` ||
			!slices.Equal(i.Agents, []string{"desk", "plan"}) || !slices.Equal(i.Undoes, []string{"seat"}) {
			t.Errorf("the item is %+v", i)
		}
		if !i.Until.Equal(i.Since.Add(4*time.Hour)) || !i.Since.Equal(s.Step("plan").Last().Waited.Time) || i.Then == "" {
			t.Errorf("it waits since %s until %s, then %q", i.Since, i.Until, i.Then)
		}
		if len(i.Tries) != 1 || i.Tries[0].Agent != "plan" || i.Tries[0].Class != events.Unavailable || i.Tries[0].Error.Message != "the quota is used up" {
			t.Errorf("tries: %+v", i.Tries)
		}
		if err := c.answer("1", "plan", events.Answer{Outcome: events.OutcomeRefused}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if items := c.inbox(t); len(items) != 0 {
			t.Errorf("after the answer the inbox has %+v", items)
		}
		_, err := client.Inbox(c.ctx, c, "tripp")
		want(t, err, events.ErrNoType, "there are trip")
	})
}

// What has a limit comes first, then what has waited longest.
func TestInboxOfEveryKind(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.plans.Store(true)
		submit(t, c.cast, "stranded")
		wait(t, c.cast, "stranded")
		time.Sleep(time.Minute)
		c.declines.Store(true)
		c.holds.Store(true)
		submit(t, c.cast, "stuck")
		wait(t, c.cast, "stuck")
		c.plans.Store(false)
		c.asks(t, "asked-1")
		time.Sleep(time.Minute)
		c.asks(t, "asked-2")
		c.mails.Store(true)
		c.holds.Store(false)
		submit(t, c.cast, "waits-no-more")
		wait(t, c.cast, "waits-no-more")
		if err := client.Cancel(c.ctx, c, "trip", "waits-no-more", "ada", "so"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var got []string
		for _, i := range c.inbox(t) {
			got = append(got, i.ID+" "+i.Step+" "+string(i.Need))
		}
		want := []string{"asked-1 plan answer", "asked-2 plan answer", "stranded mail step", "stuck seat undo"}
		if !slices.Equal(got, want) {
			t.Errorf("the inbox has %q, want %q", got, want)
		}
		i := c.inbox(t)[3]
		if string(i.Undo) != "" || i.Key != "trip/stuck/seat/seat" || i.Reason != "failed at step pay: the card is declined" ||
			len(i.Tries) != 1 || i.Tries[0].Error.Message != "the airline does not answer" {
			t.Errorf("what could not be undone is %+v", i)
		}
		if i := c.inbox(t)[2]; i.Pivot != "pay" || !i.Until.IsZero() || len(i.Undoes) != 0 {
			t.Errorf("what is stranded is %+v", i)
		}
	})
}

// Something came too late, after the saga's end, and can't be undone: it is a
// person's again although the saga is over.
func TestInboxAfterTheEnd(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		c.declines.Store(true)
		submit(t, c, "1")
		wait(t, c, "1")
		c.holds.Store(true)
		if err := client.Redo(c.ctx, c, "trip", "1", "seat", "seat", "ada", "a seat came back"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		items, err := client.Inbox(c.ctx, c)
		if err != nil || len(items) != 1 || items[0].Need != client.NeedUndo {
			t.Errorf("the inbox has %+v, %v", items, err)
		}
	})
}

// A branch waits for a person, and on the other one the next agent is slow: the
// saga is not at rest yet.
func TestWaitGivesTheOtherBranchAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		defer log.Close()
		if err := log.Ensure(t.Context(), "trip"); err != nil {
			t.Fatal(err)
		}
		say := func(s events.Subject, data any) {
			s.Type, s.ID = "trip", "1"
			e, err := events.New(s, "test", events.Event{}, data)
			if err == nil {
				_, err = log.Append(t.Context(), e)
			}
			if err != nil {
				t.Error(err)
			}
		}
		say(events.Subject{Kind: events.Submitted}, 1)
		for _, step := range []string{"ask", "seat"} {
			say(events.Subject{Step: step, Kind: events.Started}, events.Claim{Agent: step})
		}
		say(events.Subject{Step: "ask", Kind: events.Pending, N: 1}, events.Wait{Agent: "ask", Person: true})
		say(events.Subject{Step: "seat", Kind: events.Completed}, events.Done{Agent: "seat"})
		time.AfterFunc(time.Second, func() {
			say(events.Subject{Step: "hotel", Kind: events.Started}, events.Claim{Agent: "hotel", After: []string{"seat"}})
		})
		time.AfterFunc(time.Hour, func() {
			say(events.Subject{Step: "hotel", Kind: events.Completed}, events.Done{Agent: "hotel"})
		})
		began := time.Now()
		s, err := client.Wait(t.Context(), log, "trip", "1")
		if took := time.Since(began); err != nil || s.Step("hotel") == nil || took < time.Hour || took > time.Hour+time.Minute {
			t.Errorf("it was at rest after %s, %v", took, err)
		}
	})
}

func TestAtRestWithPersons(t *testing.T) {
	task := written{events.Subject{Kind: events.Submitted}, 1}
	claim := func(step string, after ...string) written {
		return written{events.ClaimSubject("", step, 1, ""), events.Claim{Agent: step, After: after}}
	}
	of := func(step string, k events.Kind, n int, data any) written {
		return written{events.Subject{Step: step, Kind: k, N: n}, data}
	}
	asked := of("ask", events.Pending, 1, events.Wait{Agent: "ask", Person: true})
	done := of("seat", events.Completed, 0, events.Done{Agent: "seat"})
	failed := func(then events.Then) written {
		return of("ask", events.Failed, 1, events.Failure{Agent: "ask", Then: then, Next: "desk"})
	}
	pivot := written{events.Subject{Kind: events.Committed}, events.Commitment{Step: "seat"}}
	for name, c := range map[string]struct {
		history []written
		want    bool
	}{
		"asked":                 {[]written{task, claim("ask"), asked}, true},
		"a callback":            {[]written{task, claim("ask"), of("ask", events.Pending, 1, events.Wait{Agent: "ask"})}, false},
		"another works":         {[]written{task, claim("seat"), claim("ask"), asked}, false},
		"another is done":       {[]written{task, claim("seat"), claim("ask"), done, asked}, true},
		"answered":              {[]written{task, claim("ask"), asked, of("ask", events.Answered, 1, events.Answer{Outcome: "refused"})}, false},
		"handed over":           {[]written{task, claim("ask"), failed(events.ThenFallback)}, false},
		"about to turn":         {[]written{task, claim("ask"), failed(events.ThenBack)}, false},
		"stranded":              {[]written{task, claim("seat"), pivot, done, claim("ask"), failed(events.ThenPerson)}, true},
		"stranded, not knowing": {[]written{task, claim("seat"), claim("ask"), pivot, done, failed(events.ThenBack)}, true},
	} {
		if got := client.AtRest(fold(t, c.history)); got != c.want {
			t.Errorf("%s: at rest %v, want %v", name, got, c.want)
		}
	}
}
