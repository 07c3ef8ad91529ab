package barrier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
)

func task(id string) agent.Task {
	return agent.Task{Type: "trip", ID: id, Step: "seat", Agent: "seat", Attempt: 1, Key: saga.Key("trip", id, "seat", "seat")}
}

func undo(id string, token string) agent.Undo {
	return agent.Undo{
		Type: "trip", ID: id, Step: "seat", Agent: "seat", Attempt: 1, Token: json.RawMessage(token),
		Key: saga.UndoKey("trip", id, "seat", "seat"), Of: saga.Key("trip", id, "seat", "seat"),
	}
}

func TestHandler(t *testing.T) {
	t.Run("postgres", func(t *testing.T) { handler(t, postgres(t, barrier.Config{})) })
	t.Run("sqlite", func(t *testing.T) { handler(t, sqlite(t, barrier.Config{})) })
}

func handler[Tx any](t *testing.T, d desk[Tx]) {
	ctx := t.Context()
	perform := d.Perform(func(ctx context.Context, tx Tx, t agent.Task) (agent.Result, error) { return d.effect(ctx, t.Key)(tx) })
	tokens := []string{}
	compensate := d.Compensate(func(ctx context.Context, tx Tx, u agent.Undo) error {
		tokens = append(tokens, string(u.Token))
		return d.cancel(ctx, tx, u.Of)
	})
	first, err := perform(ctx, task("1"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := perform(ctx, task("1"))
	if err != nil || fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("got %v and %v, %v", first, again, err)
	}
	// The saga never heard of the outcome, and so has no token.
	for range 2 {
		if err := compensate(ctx, undo("1", "")); err != nil {
			t.Error(err)
		}
	}
	if len(tokens) != 1 || tokens[0] != string(first.Undo.(json.RawMessage)) {
		t.Errorf("tokens %q, want the one that was noted", tokens)
	}
	_, err = perform(ctx, task("1"))
	if !errors.Is(err, agent.ErrDead) || agent.Class(err) != events.Unavailable {
		t.Errorf("performed after it was undone: %v", err)
	}

	// The history of the saga says that it was done, and nothing is noted.
	if err := compensate(ctx, undo("2", `"a token"`)); !errors.Is(err, barrier.ErrForgotten) {
		t.Errorf("got %v", err)
	}
	if n, err := d.Look(ctx, task("2").Key); err != nil || n.State != "" {
		t.Errorf("it is noted: %+v, %v", n, err)
	}

	// What the author says stands.
	refuse := d.Perform(func(context.Context, Tx, agent.Task) (agent.Result, error) {
		return agent.Result{}, agent.Refuse("full", "no seat is left")
	})
	_, err = refuse(ctx, task("3"))
	if f, ok := errors.AsType[*agent.Failure](err); !ok || f.Code != "full" || err.Error() != "no seat is left" {
		t.Errorf("got %v", err)
	}
	for name, bad := range map[string]agent.Result{
		"a channel": {Data: make(chan int)}, "not UTF-8": {Undo: json.RawMessage("\"\xff\"")},
	} {
		_, err := d.Do(ctx, "bad", func(tx Tx) (agent.Result, error) { _, err := d.book(ctx, tx, "bad"); return bad, err })
		if err == nil || d.booked(t, "bad") != 0 {
			t.Errorf("%s: %v, %d rows", name, err, d.booked(t, "bad"))
		}
	}

	// An outcome that comes later does so for a duplicate too.
	waits := d.Perform(func(ctx context.Context, tx Tx, t agent.Task) (agent.Result, error) {
		_, err := d.book(ctx, tx, t.Key)
		return agent.Result{Undo: 7, Pending: &agent.Pending{For: "the bank", Within: time.Hour}}, err
	})
	for range 2 {
		r, err := waits(ctx, task("5"))
		if err != nil || r.Pending == nil || *r.Pending != (agent.Pending{For: "the bank", Within: time.Hour}) || string(r.Undo.(json.RawMessage)) != "7" {
			t.Errorf("got %+v, %v", r, err)
		}
	}

	// A call whose time is over did nothing, and says so.
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err = perform(over, task("4"))
	if agent.Class(err) != events.Transient {
		t.Errorf("class %q of %v", agent.Class(err), err)
	}
}

// A house is the other side: it keeps what was done by key, and may lose its
// answers.
type house struct {
	there  map[string]string // id by key
	calls  int
	before func() // inside of the call, before the effect
	after  func() error
	undo   error
}

func (h *house) outside() barrier.Outside {
	return barrier.Outside{
		Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
			h.calls++
			if h.before != nil {
				h.before()
			}
			if h.there[t.Key] == "" {
				h.there[t.Key] = fmt.Sprint("id-", h.calls)
			}
			if h.after != nil {
				if err := h.after(); err != nil {
					return agent.Result{}, err
				}
			}
			return agent.Result{Data: "done", Undo: h.there[t.Key]}, nil
		},
		Undo: func(_ context.Context, u agent.Undo) error {
			if h.undo != nil {
				return h.undo
			}
			var id string
			if ok, err := u.Decode(&id); err != nil || ok && h.there[u.Of] != "" && id != h.there[u.Of] {
				return fmt.Errorf("token %s, %w", u.Token, err)
			}
			if h.there[u.Of] == "" {
				return agent.ErrNothingFound
			}
			delete(h.there, u.Of)
			return nil
		},
	}
}

var errLost = errors.New("the answer was lost")

func TestOutside(t *testing.T) {
	t.Run("postgres", func(t *testing.T) { outside(t, postgres(t, barrier.Config{})) })
	t.Run("sqlite", func(t *testing.T) { outside(t, sqlite(t, barrier.Config{})) })
}

func outside[Tx any](t *testing.T, d desk[Tx]) {
	lost := func() error { return agent.Unknown(errLost) }
	for _, tc := range []struct {
		name string
		play func(t *testing.T, h *house, perform func() error, compensate func() error)
		then barrier.State
		left int
	}{
		{"a duplicate is not asked for again", func(t *testing.T, h *house, perform, _ func() error) {
			expect(t, perform(), nil)
			expect(t, perform(), nil)
			if h.calls != 1 {
				t.Errorf("%d calls", h.calls)
			}
		}, barrier.Done, 1},
		{"undone", func(t *testing.T, _ *house, perform, compensate func() error) {
			expect(t, perform(), nil)
			expect(t, compensate(), nil)
			expect(t, compensate(), nil)
			expect(t, perform(), agent.ErrDead)
		}, barrier.Dead, 0},
		{"undone before", func(t *testing.T, _ *house, perform, compensate func() error) {
			expect(t, compensate(), agent.ErrNothingFound)
			expect(t, perform(), agent.ErrDead)
			expect(t, compensate(), agent.ErrNothingFound)
		}, barrier.Dead, 0},
		{"what failed for certain is forgotten", func(t *testing.T, h *house, perform, compensate func() error) {
			h.after = func() error { clear(h.there); return errFailed }
			expect(t, perform(), errFailed)
			expect(t, compensate(), agent.ErrNothingFound)
		}, barrier.Dead, 0},
		{"what may have happened is asked for by key", func(t *testing.T, h *house, perform, compensate func() error) {
			h.after = lost
			if err := perform(); agent.Class(err) != events.Unknown {
				t.Errorf("got %v", err)
			}
			expect(t, compensate(), nil)
		}, barrier.Dead, 0},
		{"what may have happened is asked for again", func(t *testing.T, h *house, perform, _ func() error) {
			h.after = lost
			_ = perform()
			h.after = nil
			expect(t, perform(), nil)
		}, barrier.Done, 1},
		{"compensated while it is made", func(t *testing.T, h *house, perform, compensate func() error) {
			h.before = func() { expect(t, compensate(), agent.ErrNothingFound) }
			expect(t, perform(), agent.ErrDead)
		}, barrier.Dead, 0},
		{"compensated while it is made, and the answer lost", func(t *testing.T, h *house, perform, compensate func() error) {
			h.before = func() { expect(t, compensate(), agent.ErrNothingFound) }
			h.after = lost
			expect(t, perform(), errLost)
		}, barrier.Dead, 0},
		{"being compensated while the answer is lost", func(t *testing.T, h *house, perform, compensate func() error) {
			h.before = func() {
				h.undo = errFailed
				expect(t, compensate(), errFailed)
				h.undo = nil
			}
			h.after = lost
			expect(t, perform(), errLost)
		}, barrier.Undoing, 0},
		{"an undoing that fails is repeated", func(t *testing.T, h *house, perform, compensate func() error) {
			expect(t, perform(), nil)
			h.undo = errFailed
			expect(t, compensate(), errFailed)
			expect(t, compensate(), errFailed)
			h.undo = nil
			expect(t, compensate(), nil)
		}, barrier.Dead, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &house{there: map[string]string{}}
			perform, compensate := d.PerformOutside(h.outside()), d.CompensateOutside(h.outside())
			tc.play(t, h,
				func() error { _, err := perform(t.Context(), task(tc.name)); return err },
				func() error { return compensate(t.Context(), undo(tc.name, "")) })
			if n, err := d.Look(t.Context(), task(tc.name).Key); err != nil || n.State != tc.then {
				t.Errorf("%q, %v, want %q", n.State, err, tc.then)
			}
			if len(h.there) != tc.left {
				t.Errorf("left: %v", h.there)
			}
		})
	}

	t.Run("the time is over when it is done", func(t *testing.T) {
		h := &house{there: map[string]string{}}
		ctx, cancel := context.WithCancel(t.Context())
		h.before = cancel
		if _, err := d.PerformOutside(h.outside())(ctx, task("over")); err != nil {
			t.Error(err)
		}
		if n, err := d.Look(t.Context(), task("over").Key); err != nil || n.State != barrier.Done {
			t.Errorf("%+v, %v", n, err)
		}
	})
	t.Run("the saga knows more than the database", func(t *testing.T) {
		h := &house{there: map[string]string{}}
		if err := d.CompensateOutside(h.outside())(t.Context(), undo("more", `"id-1"`)); !errors.Is(err, barrier.ErrForgotten) {
			t.Error(err)
		}
	})
}

func expect(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
