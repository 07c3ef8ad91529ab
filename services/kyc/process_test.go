package kyc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/kyc/biometrics/provider"
	"github.com/unwind-saga/unwind/services/kyc/world"
	"github.com/unwind-saga/unwind/services/store"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

const (
	sagas   = 200
	stream  = 25 * time.Second // in which they are submitted
	seconds = 90               // in which they have to end after the last one was submitted
)

// TestKilledProcesses runs five agents and their stand-in, two processes each,
// and kills one of them every second while 200 people apply. Every fifth of them
// is refused at the end, and every tenth finds the face provider down, so that
// whoever comes then is tried again, or handed to the stand-in. Every saga ends
// (I4), nothing that was undone is left anywhere and nothing that was done is
// missing (I2), and nothing was done twice: looked up in the agents' own stores,
// at the provider and in the inbox.
func TestKilledProcesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	folder := t.TempDir()
	w, err := world.Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	var tasks [sagas][]byte
	var painter sync.WaitGroup // while the agents are built
	painter.Go(func() {
		for n := range sagas {
			var err error
			tasks[n], err = applicant(n).Task()
			assert.NoError(t, err)
		}
	})
	crew := start(t, ctx, folder, w)
	painter.Wait()

	var nemesis sync.WaitGroup
	stop, kills := make(chan struct{}), 0
	nemesis.Go(func() { kills = kill(t, crew, stop) })
	next := time.NewTicker(stream / sagas)
	defer next.Stop()
	for n := range sagas {
		<-next.C
		if unlucky(n) {
			require.NoError(t, w.Provider.Fail(provider.Fault{Mode: provider.Down, Count: 3}))
		}
		_, err := client.Submit(ctx, crew.Log(), "kyc", id(n), tasks[n], "test")
		require.NoError(t, err)
	}
	ending, done := context.WithTimeout(ctx, seconds*time.Second)
	defer done()
	began, retries := time.Now(), 0
	for n := range sagas {
		state, err := client.Wait(ending, crew.Log(), "kyc", id(n))
		if err != nil {
			_, history, lost := client.Load(t.Context(), crew.Log(), "kyc", id(n), 0)
			t.Fatalf("saga %s: %v %v\n%s", id(n), err, lost, sagatest.Transcript(history))
		}
		judge(t, crew, state, n)
		retries += denied(state)
	}
	close(stop)
	nemesis.Wait()
	t.Logf("%d sagas ended under %d kills, with %d comparisons denied, the last one %s after it was submitted",
		sagas, kills, retries, time.Since(began).Round(time.Second))
	require.GreaterOrEqual(t, kills, 15, "hardly anything was killed")
	require.GreaterOrEqual(t, retries, sagas/10, "hardly anybody found the provider down")

	crew.Stop() // whoever was late has come to rest
	require.NoError(t, w.Provider.Fail(provider.Fault{}))
	look(t, ctx, w)
	once(t, ctx, folder)
}

func id(n int) string { return fmt.Sprintf("person-%d", n) }

func refused(n int) bool { return n%5 == 4 }

// unlucky finds the provider down. It will be so for three calls, of whomever.
func unlucky(n int) bool { return n%10 == 7 }

// denied counts the attempts to which the provider said that it was down.
func denied(state *saga.State) (n int) {
	for _, a := range state.Step("face-matching").Attempts {
		if a.Failure != nil && a.Failure.Error.Code == "status_503" {
			n++
		}
	}
	return n
}

func applicant(n int) world.Person {
	if refused(n) {
		return world.Wanted(n)
	}
	return world.Someone(n)
}

func start(t *testing.T, ctx context.Context, folder string, w *world.World) *dev.Crew {
	t.Helper()
	cast, err := dev.Find(".")
	require.NoError(t, err)
	require.False(t, cast.Errors(), "%v %v", cast.Mistakes, cast.Findings)
	build(t, filepath.Join(folder, "bin"), cast.Programs)
	crew, err := dev.Start(ctx, dev.Config{
		Store: filepath.Join(folder, "dev"), Replicas: 2, MostDelay: time.Second,
		Env: append(w.Env(), "KYC_LEASE=3s"),
	}, cast.Programs)
	require.NoError(t, err)
	t.Cleanup(crew.Stop)
	require.NoError(t, crew.Ready(ctx))
	return crew
}

// build builds the programs all at once and without what only a debugger reads,
// in a third of the time that they take one by one.
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

// judge checks how a saga ended, and its history against the invariants. A
// process that is killed is never late, so I2 and I3 hold at every moment.
func judge(t *testing.T, crew *dev.Crew, state *saga.State, n int) {
	t.Helper()
	want := saga.Completed
	if refused(n) {
		want = saga.Compensated
	}
	_, history, err := client.Load(t.Context(), crew.Log(), "kyc", id(n), state.Seq)
	require.NoError(t, err)
	if assert.Equal(t, want, state.Status(), "saga %s", id(n)) {
		assert.NoError(t, sagatest.Check(history, false), "saga %s", id(n))
	}
	if t.Failed() {
		t.Fatalf("saga %s:\n%s", id(n), sagatest.Transcript(history))
	}
}

// look looks everywhere for what is there: all of it for those who passed, and
// nothing for those who were refused.
func look(t *testing.T, ctx context.Context, w *world.World) {
	t.Helper()
	effects, err := w.Effects(ctx, "")
	require.NoError(t, err)
	there := map[string]map[string]int{}
	for _, e := range effects {
		if there[e.Saga] == nil {
			there[e.Saga] = map[string]int{}
		}
		there[e.Saga][e.Where]++
	}
	for n := range sagas {
		got := there[id(n)]
		if refused(n) {
			assert.Empty(t, got, "saga %s was undone, but this is left", id(n))
			continue
		}
		want := map[string]int{"id-extraction": 1, "document-validation": 1, "risk-scoring": 1, "notification": 1}
		if got["face-matching"] == 1 {
			want["face-matching"], want["provider"] = 1, 1
		} else {
			want["face-matching-lite"] = 1
		}
		// A mail whose sender was killed before it could note that it was
		// sent is sent again, under the same Message-ID.
		assert.GreaterOrEqual(t, got["inbox"], 1, "saga %s", id(n))
		delete(got, "inbox")
		assert.Equal(t, want, got, "saga %s", id(n))
	}
	letters := map[string]bool{}
	for _, m := range w.Inbox.Messages() {
		letters[m.MessageID] = true
		assert.NotContains(t, m.Subject, "Correction")
	}
	assert.Len(t, letters, sagas*4/5, "different letters")
}

// once checks the log of each agent's store: no key was committed twice.
func once(t *testing.T, ctx context.Context, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "agents", "*.db"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		st, err := store.Open(file)
		require.NoError(t, err)
		runs, err := st.Runs(ctx)
		require.NoError(t, err)
		require.NoError(t, st.Close())
		name := strings.TrimSuffix(filepath.Base(file), ".db")
		for key, ran := range runs {
			assert.LessOrEqual(t, ran.Forward, 1, "%s did %s", name, key)
			assert.LessOrEqual(t, ran.Back, 1, "%s undid %s", name, key)
		}
	}
}
