package agent_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/agent/inject"
	"github.com/unwind-saga/unwind/saga/config"
)

// faults is a profile under which each call meets a fault.
func faults(undoing bool, kind inject.Kind, calls int) *inject.Injector {
	chances := inject.Chances{kind: {Chance: 1, Calls: calls}}
	f := inject.Faults{Forward: chances}
	if undoing {
		f = inject.Faults{Back: chances}
	}
	return &inject.Injector{File: "faults.yaml", Profile: inject.Profile{Agents: map[string]inject.Faults{inject.Everyone: f}}}
}

// Each fault is what the runtime makes of the real one, and does to the world
// what the real one does.
func TestFaults(t *testing.T) {
	for kind, c := range map[inject.Kind]struct {
		class events.Class
		code  string
		left  events.Left
		done  int // times that the author's function ran
	}{
		inject.Transient:   {events.Transient, "transient", events.LeftNothing, 0},
		inject.Unavailable: {events.Unavailable, "expired_key", events.LeftNothing, 0},
		inject.Refused:     {events.Refused, "injected", events.LeftNothing, 0},
		inject.Busy:        {events.Transient, "http_429", events.LeftNothing, 0},
		inject.Down:        {events.Transient, "http_503", events.LeftNothing, 0},
		inject.Hang:        {events.Unknown, "timeout", events.LeftUnknown, 0},
		inject.Late:        {events.Unknown, "timeout", events.LeftUnknown, 1},
		inject.Garbage:     {events.Transient, "bad_result", events.LeftUnknown, 1},
		inject.LostBefore:  {events.Unknown, "unknown", events.LeftUnknown, 0},
		inject.LostAfter:   {events.Unknown, "unknown", events.LeftUnknown, 1},
	} {
		t.Run(string(kind), func(t *testing.T) {
			bubble(t, func(w *world) {
				var done atomic.Int64 // what is late overlaps with the next try
				in := faults(false, kind, 1)
				w.start(seat, does(func(context.Context) (agent.Result, error) { done.Add(1); return agent.Result{}, nil }), agent.Options{Faults: in})
				w.submit("1", `{}`)
				w.sleep(time.Hour)
				f, _ := find[events.Failure](w, "1", "seat", "failed-1")
				assert.Equal(w, c.class, f.Class)
				assert.Equal(w, c.code, f.Error.Code)
				assert.Equal(w, c.left, f.Left)
				assert.Contains(w, f.Error.Message, "injected fault")
				assert.EqualValues(w, c.done, done.Load())
			})
		})
	}
}

// What is said to wait, is waited for.
func TestFaultWithRetryAfter(t *testing.T) {
	bubble(t, func(w *world) {
		in := faults(false, inject.Busy, 0)
		in.Profile.Agents[inject.Everyone].Forward[inject.Busy] = inject.Chance{Chance: 1, Wait: time.Minute}
		cfg := seat
		cfg.RetryPolicy = every(1)
		w.start(cfg, takes(0), agent.Options{Faults: in})
		w.submit("1", `{}`)
		w.sleep(time.Hour)
		_, first := find[events.Failure](w, "1", "seat", "failed-1")
		_, second := find[events.Claim](w, "1", "seat", "attempt-2")
		assert.Equal(w, time.Minute, second-first)
	})
}

// The calls are counted in the history, over the deaths of the process, and each
// agent's for itself.
func TestFaultsAreCountedInTheHistory(t *testing.T) {
	bubble(t, func(w *world) {
		var in inject.Injector
		for n := range 100 { // a seed under which the third call is the first that meets nothing
			in = inject.Injector{Profile: inject.Profile{Seed: uint64(n), Agents: map[string]inject.Faults{"seat": {Forward: inject.Chances{inject.LostAfter: {Chance: 0.5}}}}}}
			meets := func(n int) bool {
				_, ok := in.Meets(inject.Call{Saga: "1", Step: "seat", Agent: "seat", N: n})
				return ok
			}
			if meets(1) && meets(2) && !meets(3) {
				break
			}
		}
		cfg := seat
		cfg.RetryPolicy = every(5)
		first := w.start(cfg, takes(0), agent.Options{Faults: &in})
		w.submit("1", `{}`)
		w.sleep(time.Second / 2)
		first.Kill()
		w.start(cfg, takes(0), agent.Options{Faults: &in})
		w.sleep(time.Hour)
		done, _ := find[events.Done](w, "1", "seat", "completed")
		assert.Equal(w, 3, done.Attempt)
	})
}

// Undoing that meets a fault each time waits for a person in the end; what is
// lost or late happens all the same.
func TestUndoFaults(t *testing.T) {
	for kind, undone := range map[inject.Kind]int{inject.Fail: 0, inject.Hang: 0, inject.Late: 3, inject.LostAfter: 3} {
		t.Run(string(kind), func(t *testing.T) {
			bubble(t, func(w *world) {
				var n atomic.Int64 // what is late overlaps with the next try
				w.start(hold, holds(func(context.Context, agent.Undo) error { n.Add(1); return nil }), agent.Options{Faults: faults(true, kind, 2)})
				w.submit("1", `{}`)
				w.sleep(time.Second)
				w.cancel("1")
				w.sleep(time.Hour)
				assert.Equal(w, saga.Stuck, w.status("1"))
				f, _ := find[events.UndoFailure](w, "1", "hold", "undofailed-1-hold")
				assert.Contains(w, f.Error.Message, "injected fault")
				assert.EqualValues(w, undone, n.Load())
			})
		})
	}
}

// With each layer that is taken away, something that was recovered is not.
func TestLayers(t *testing.T) {
	for layers, want := range map[agent.Layers][]string{
		agent.NoLayers:         {"failed-1 back", "compensated nothing", "left"},
		agent.RetryLayer:       {"failed-1 retry", "failed-2 back", "compensated nothing", "left"},
		agent.RetryAndFallback: {"failed-1 retry", "failed-2 fallback", "completed", "left"},
		agent.AllLayers:        {"failed-1 retry", "failed-2 fallback", "completed"},
	} {
		t.Run(string(layers), func(t *testing.T) {
			bubble(t, func(w *world) {
				left := false
				primary := config.Config{
					Agent: "seat", Final: true, RetryPolicy: every(1), CompensationRetryPolicy: once,
					FallbackAgents: []string{"stand"}, CompensationHandler: "undo",
				}
				h := does(func(context.Context) (agent.Result, error) {
					left = true
					return agent.Result{}, agent.Unknown(errOops)
				})
				h.Compensations = agent.Compensations{"undo": func(context.Context, agent.Undo) error { left = false; return nil }}
				w.start(primary, h, agent.Options{Layers: layers})
				stand := config.Config{Agent: "stand", Step: "seat", StandIn: true, Final: true, CompensationHandler: config.NoCompensation}
				w.start(stand, takes(0), agent.Options{Layers: layers})
				w.submit("1", `{}`)
				w.sleep(time.Hour)
				var got []string
				for _, e := range w.events("1") {
					var said struct {
						Then  string
						Found string
					}
					switch e.Subject.Kind {
					case events.Failed, events.Compensated:
						require.NoError(w, e.Unpack(&said))
						got = append(got, e.Subject.Event()+" "+said.Then+said.Found)
						if e.Subject.Kind == events.Compensated {
							got[len(got)-1] = "compensated " + said.Found
						}
					case events.SagaCompleted:
						got = append(got, "completed")
					}
				}
				if left {
					got = append(got, "left")
				}
				assert.Equal(w, want, got)
			})
		})
	}
}

// Without retries nobody takes over from a process that died.
func TestNoLayersNoTakeover(t *testing.T) {
	bubble(t, func(w *world) {
		first := w.start(seat, takes(time.Minute), agent.Options{Layers: agent.NoLayers})
		w.submit("1", `{}`)
		w.sleep(time.Second)
		first.Kill()
		w.start(seat, takes(0), agent.Options{Layers: agent.NoLayers})
		w.sleep(time.Hour)
		f, _ := find[events.Failure](w, "1", "seat", "failed-2")
		assert.Equal(w, "takeovers", f.Error.Code)
		assert.Equal(w, saga.Compensated, w.status("1"))
	})
}

// Nor is anybody who was asked to come back.
func TestNoLayersNoComingBack(t *testing.T) {
	bubble(t, func(w *world) {
		busy := does(func(context.Context) (agent.Result, error) {
			return agent.Result{}, agent.RetryAfter(time.Second, errOops)
		})
		w.start(seat, busy, agent.Options{Layers: agent.NoLayers})
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		f, _ := find[events.Failure](w, "1", "seat", "failed-1")
		assert.Equal(w, events.ThenBack, f.Then)
	})
}

// A drill is loud, and asked for by the environment too.
func TestDrillIsLoud(t *testing.T) {
	t.Setenv("UNWIND_LAYERS", "retry")
	bubble(t, func(w *world) {
		p := w.start(seat, takes(0), agent.Options{Faults: faults(false, inject.Hang, 1)})
		w.sleep(time.Second)
		logs := p.logs.String()
		assert.Contains(w, logs, `level=WARN msg="FAULTS ARE INJECTED ON PURPOSE. Never run this in production" type=trip step=seat agent=seat faults=faults.yaml seed=0`)
		assert.Contains(w, logs, `level=WARN msg="LAYERS OF RECOVERY ARE OFF: effects will be left behind. Never run this in production" type=trip step=seat agent=seat layers=retry`)
		assert.Contains(w, logs, `msg="agent runs" type=trip step=seat agent=seat layers=retry faults=faults.yaml seed=0`)

		quiet := w.start(config.Config{Agent: "card", Final: true, CompensationHandler: config.NoCompensation}, takes(0), agent.Options{Layers: agent.AllLayers})
		w.sleep(time.Second)
		assert.NotContains(w, quiet.logs.String(), "WARN")
	})
}

func TestDrillMistakes(t *testing.T) {
	t.Run("layers", func(t *testing.T) {
		t.Setenv("UNWIND_LAYERS", "most")
		bubble(t, func(w *world) {
			p := w.start(seat, takes(0))
			<-p.done
			assert.EqualError(w, p.err, `run agent "seat": UNWIND_LAYERS=most: want none, retry, retry+fallback or all`)
		})
	})
	t.Run("faults", func(t *testing.T) {
		t.Setenv("UNWIND_FAULTS", "nowhere.yaml")
		bubble(t, func(w *world) {
			p := w.start(seat, takes(0))
			<-p.done
			assert.EqualError(w, p.err, `run agent "seat": UNWIND_FAULTS: read faults: open nowhere.yaml: no such file or directory`)
		})
	})
}
