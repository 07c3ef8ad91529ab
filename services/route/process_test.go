package route_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/route/providers"
	"github.com/unwind-saga/unwind/services/route/roads"
	"github.com/unwind-saga/unwind/services/route/trip"
	"github.com/unwind-saga/unwind/services/route/world"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

const (
	sagas   = 100
	stream  = 20 * time.Second // in which they are submitted
	seconds = 90               // in which they have to end after the last one was submitted
	fleet   = 5                // vehicles; an order meets four others at most
)

// TestKilledProcesses runs the six agents, two processes each, and kills one of
// them every second while 100 orders come in, and while both providers fail, in
// another way every second. Every fifth order can't be in time, and every tenth
// goes over the sea: a person is asked, and knows no way. Every saga ends (I4); one that completed has its
// reservation and its promise, one that was undone has nothing (I2), each was
// made once, and no vehicle is promised to two. And no route is believed that is
// not on the map.
func TestKilledProcesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	folder := t.TempDir()
	w, err := world.Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	crew := start(t, ctx, folder, w)

	var nemesis sync.WaitGroup
	stop, kills := make(chan struct{}), 0
	nemesis.Go(func() { kills = kill(t, crew, stop) })
	nemesis.Go(func() { fail(t, w, stop) })
	next := time.NewTicker(stream / sagas)
	defer next.Stop()
	for n := range sagas {
		<-next.C
		_, err := client.Submit(ctx, crew.Log(), "route", id(n), order(t, n), "test")
		require.NoError(t, err)
	}
	ending, done := context.WithTimeout(ctx, seconds*time.Second)
	defer done()
	began, asked, answered, faults := time.Now(), 0, map[string]int{}, map[string]int{}
	for n := range sagas {
		state, err := client.Wait(ending, crew.Log(), "route", id(n))
		if err == nil && state.Status() == saga.Waiting {
			asked++
			state, err = answer(ending, crew, n)
		}
		if err != nil {
			_, history, lost := client.Load(t.Context(), crew.Log(), "route", id(n), 0)
			t.Fatalf("saga %s: %v %v\n%s", id(n), err, lost, sagatest.Transcript(history))
		}
		judge(t, crew, state, n, answered, faults)
	}
	close(stop)
	nemesis.Wait()
	t.Logf("%d sagas ended under %d kills, the last one %s after it was submitted; answered by %v; failures: %v",
		sagas, kills, time.Since(began).Round(time.Second), answered, faults)
	require.GreaterOrEqual(t, kills, 15, "hardly anything was killed")
	require.Equal(t, sagas/10, asked, "a person is asked about what goes over the sea, and nothing else")
	for _, agent := range []string{"google", "osrm", "heuristic"} {
		require.Positive(t, answered[agent], "%s never answered", agent)
	}

	crew.Stop() // whoever was late has come to rest
	look(t, ctx, w)
}

// answer is a person, who is asked for a way over the sea and knows none.
func answer(ctx context.Context, crew *dev.Crew, n int) (*saga.State, error) {
	no := events.Answer{Outcome: events.OutcomeRefused, By: "the dispatcher", Reason: "there is no road over the sea"}
	if err := client.Answer(ctx, crew.Log(), "route", id(n), "directions", no); err != nil {
		return nil, err
	}
	return client.Wait(ctx, crew.Log(), "route", id(n))
}

func id(n int) string { return fmt.Sprintf("order-%d", n) }

func late(n int) bool { return n%5 == 4 }

func nowhere(n int) bool { return n%10 == 7 }

// pairs are drives whose ways differ much.
var pairs = [][2]string{{"Vaduz", "Schaan"}, {"Balzers", "Ruggell"}, {"Malbun", "Vaduz"}, {"Planken", "Triesenberg"}, {"Eschen", "Schaanwald"}}

func ends(n int) (from, to string) {
	if nowhere(n) {
		return "Vaduz", "Reykjavik"
	}
	p := pairs[n%len(pairs)]
	return p[0], p[1]
}

// order departs twenty minutes after the one before, and has an hour: more than
// an estimate's upper bound takes.
func order(t *testing.T, n int) []byte {
	t.Helper()
	within := time.Hour
	if late(n) {
		within = 30 * time.Second
	}
	from, to := ends(n)
	payload, err := world.Order(from, to, time.Now().Truncate(24*time.Hour).Add(24*time.Hour+time.Duration(n)*20*time.Minute), within)
	require.NoError(t, err)
	return payload
}

func start(t *testing.T, ctx context.Context, folder string, w *world.World) *dev.Crew {
	t.Helper()
	cast, err := dev.Find(".")
	require.NoError(t, err)
	require.False(t, cast.Errors(), "%v %v", cast.Mistakes, cast.Findings)
	build(t, filepath.Join(folder, "bin"), cast.Programs)
	crew, err := dev.Start(ctx, dev.Config{
		Store: filepath.Join(folder, "dev"), Replicas: 2, MostDelay: time.Second,
		Env: append(w.Env(), "ROUTE_LEASE=3s", "ROUTE_PATIENCE=1s", "ROUTE_BASE_DELAY=200ms", fmt.Sprintf("ROUTE_FLEET=%d", fleet)),
	}, cast.Programs)
	require.NoError(t, err)
	t.Cleanup(crew.Stop)
	require.NoError(t, crew.Ready(ctx))
	return crew
}

// build builds the programs all at once and without what only a debugger reads.
func build(t *testing.T, folder string, programs []dev.Program) {
	t.Helper()
	args := []string{"build", "-ldflags=-s -w", "-o", folder + string(filepath.Separator)}
	for i := range programs {
		p := &programs[i]
		file, err := filepath.Abs(p.File)
		require.NoError(t, err)
		p.Config.Command = []string{filepath.Join(folder, p.Config.Agent), "--config", file}
		args = append(args, filepath.Dir(file))
	}
	require.NoError(t, os.MkdirAll(folder, 0o700))
	output, err := exec.Command("go", args...).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// kill kills a process every second, whichever, until it is stopped.
func kill(t *testing.T, crew *dev.Crew, stop <-chan struct{}) (kills int) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-stop:
			return kills
		case <-every.C:
			alive := slices.DeleteFunc(crew.Processes(), func(p dev.Process) bool { return p.PID == 0 })
			if len(alive) == 0 {
				continue
			}
			victim := alive[rand.IntN(len(alive))]
			assert.NoError(t, crew.Kill(fmt.Sprintf("%s#%d", victim.Agent, victim.Replica)))
			kills++
		}
	}
}

// fail makes the providers fail, each in all ways in turn, and neither every
// third time. It leaves them failing when it is stopped.
func fail(t *testing.T, w *world.World, stop <-chan struct{}) {
	every := time.NewTicker(700 * time.Millisecond)
	defer every.Stop()
	for n := 0; ; n++ {
		google, osrm := providers.Fault{Mode: providers.Modes[n%len(providers.Modes)]}, providers.Fault{Mode: providers.Modes[(n/3)%len(providers.Modes)]}
		if n%3 == 0 {
			google, osrm = providers.Fault{}, providers.Fault{}
		}
		google.RetryAfter = 1 // with throttle
		assert.NoError(t, w.Google.Fail(google))
		assert.NoError(t, w.OSRM.Fail(osrm))
		select {
		case <-stop:
			return
		case <-every.C:
		}
	}
}

// judge checks how a saga ended, its history against the invariants, and what
// was believed. A process that is killed is never late, so I2 and I3 hold at
// every moment; but one that a busy machine gives no time to is, and where that
// happened the history has a claim that came too late to count.
func judge(t *testing.T, crew *dev.Crew, state *saga.State, n int, answered, faults map[string]int) {
	t.Helper()
	want := saga.Completed
	if late(n) || nowhere(n) {
		want = saga.Compensated
	}
	now, history, err := client.Load(t.Context(), crew.Log(), "route", id(n), state.Seq)
	require.NoError(t, err)
	if assert.Equal(t, want, state.Status(), "saga %s", id(n)) {
		assert.NoError(t, sagatest.Check(history, len(now.Void) > 0), "saga %s", id(n))
	}
	if step := state.Step("directions"); step != nil {
		for _, a := range step.Attempts {
			if a.Failure != nil {
				faults[a.Failure.Agent+" "+a.Failure.Error.Code]++
			}
		}
		if step.Done != nil {
			answered[step.Done.Agent]++
			believed(t, n, step.Done.Result)
		}
	}
	if t.Failed() {
		t.Fatalf("saga %s:\n%s", id(n), sagatest.Transcript(history))
	}
}

// believed demands that an answer is the map's, or an estimate that has it in
// its bounds.
func believed(t *testing.T, n int, result json.RawMessage) {
	t.Helper()
	require.False(t, nowhere(n), "a road over the sea: %s", result)
	var d trip.Directions
	require.NoError(t, json.Unmarshal(result, &d))
	g, err := roads.Load()
	require.NoError(t, err)
	from, to := ends(n)
	r, err := g.Route(g.Nearest(world.Places[from]), g.Nearest(world.Places[to]))
	require.NoError(t, err)
	if d.Quality == trip.Estimate {
		assert.LessOrEqual(t, float64(d.Bounds.Metres[0]), r.Metres)
		return
	}
	assert.InDelta(t, r.Metres, d.Metres, 2, "%s to %s by %s", from, to, d.By)
}

// look looks into the agents' stores: everything is there for those who
// completed, nothing for the others, nothing twice.
func look(t *testing.T, ctx context.Context, w *world.World) {
	t.Helper()
	effects, err := w.Effects(ctx, "")
	require.NoError(t, err)
	there := map[string][]string{}
	for _, e := range effects {
		there[e.Saga] = append(there[e.Saga], e.Where+" "+e.Vehicle)
	}
	for n := range sagas {
		got := there[id(n)]
		if late(n) || nowhere(n) {
			assert.Empty(t, got, "saga %s was undone, but this is left", id(n))
			continue
		}
		if assert.Len(t, got, 2, "saga %s", id(n)) {
			var vehicle string
			_, err := fmt.Sscanf(got[0], "vehicle %s", &vehicle)
			require.NoError(t, err)
			assert.Equal(t, "dispatch "+vehicle, got[1], "saga %s: what was reserved is promised", id(n))
		}
	}
	assert.Len(t, there, sagas*7/10)
	runs, err := w.Runs(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, runs)
	for key, ran := range runs {
		assert.LessOrEqual(t, ran.Forward, 1, "%s was done", key)
		assert.LessOrEqual(t, ran.Back, 1, "%s was undone", key)
	}
	twice, err := w.Overlaps(ctx)
	require.NoError(t, err)
	assert.Empty(t, twice, "vehicles that two orders have at the same time")
}
