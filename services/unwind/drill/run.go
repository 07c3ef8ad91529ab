package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/agent/inject"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

// All are the layers, from nothing to everything.
var All = []agent.Layers{agent.NoLayers, agent.RetryLayer, agent.RetryAndFallback, agent.AllLayers}

// A Config says how a drill is run. The zero value works.
type Config struct {
	Runs     int            // sagas in each row; default 1000
	Layers   []agent.Layers // the rows; default All
	Seed     *uint64        // default: the profile's
	Faults   string         // a profile; default: the family's
	AtOnce   int            // sagas at a time; default 16
	Replicas int            // processes of each agent; default 2
	Store    string         // a folder for everything; default: a temporary one that is removed
	Patience time.Duration  // without any event, before what has not ended counts as lost; default 1 minute

	// Tell is called as it goes on; it may be called by several goroutines.
	Tell func(Progress)
	// Over is called with each saga that has ended, and its history without the
	// task, one after the other.
	Over func([]events.Event, *saga.State)
}

// Progress is how far a drill has come.
type Progress struct {
	Layers      agent.Layers
	Ended, Runs int // sagas of this row
}

func (c Config) withDefaults() Config {
	c.Runs = cmp.Or(c.Runs, 1000)
	c.AtOnce = cmp.Or(c.AtOnce, 16)
	c.Replicas = cmp.Or(c.Replicas, 2)
	c.Patience = cmp.Or(c.Patience, time.Minute)
	if len(c.Layers) == 0 {
		c.Layers = All
	}
	if c.Tell == nil {
		c.Tell = func(Progress) {}
	}
	if c.Over == nil {
		c.Over = func([]events.Event, *saga.State) {}
	}
	return c
}

// Run runs all rows, one after the other. Each begins with an empty broker and
// an empty world.
func Run(ctx context.Context, f Family, c Config) (Report, error) {
	c = c.withDefaults()
	fail := func(err error) (Report, error) { return Report{}, fmt.Errorf("drill %q: %w", f.Saga, err) }
	file, profile, err := f.profile(c.Faults)
	if err != nil {
		return fail(err)
	}
	if c.Seed != nil {
		profile.Seed = *c.Seed
	}
	store, remove, err := c.folder()
	if err != nil {
		return fail(err)
	}
	defer remove()
	programs, command, err := f.build(ctx, filepath.Join(store, "bin"))
	if err != nil {
		return fail(err)
	}
	d := &drill{Family: f, config: c, faults: file, seed: profile.Seed, late: profile.Has(inject.Late), programs: programs}
	d.program = program{command: command, folder: f.folder()}
	report := Report{Saga: f.Saga, Runs: c.Runs, Seed: profile.Seed, Faults: file, At: time.Now().UTC(), Machine: thisMachine()}
	for _, layers := range c.Layers {
		row, err := d.row(ctx, layers, filepath.Join(store, string(layers)))
		if err != nil {
			return fail(fmt.Errorf("with layers %s: %w", layers, err))
		}
		report.Rows = append(report.Rows, row)
	}
	return report, nil
}

// folder is where everything is kept.
func (c Config) folder() (path string, remove func(), err error) {
	if c.Store != "" {
		path, err = filepath.Abs(c.Store)
		return path, func() {}, err
	}
	path, err = os.MkdirTemp("", "unwind-drill-")
	return path, func() { os.RemoveAll(path) }, err
}

type drill struct {
	Family
	program
	config   Config
	faults   string
	seed     uint64
	late     bool // some faults happen after all
	programs []dev.Program
}

// row runs one row.
func (d *drill) row(ctx context.Context, layers agent.Layers, store string) (Row, error) {
	began := time.Now()
	if _, err := os.Stat(store); err == nil {
		return Row{}, fmt.Errorf("%s is there already: each drill wants an empty store", store)
	}
	if err := os.MkdirAll(store, 0o750); err != nil {
		return Row{}, err
	}
	if d.config.Store == "" {
		defer os.RemoveAll(store)
	}
	w, err := d.open(ctx, filepath.Join(store, "world"))
	if err != nil {
		return Row{}, err
	}
	closed := false
	defer func() {
		if !closed {
			_ = w.close()
		}
	}()
	journal := filepath.Join(store, "faults.jsonl")
	output, err := os.Create(filepath.Join(store, "agents.log"))
	if err != nil {
		return Row{}, err
	}
	defer output.Close()
	env := append([]string(nil), w.env...)
	for name, value := range d.Env {
		env = append(env, name+"="+value)
	}
	env = append(env, inject.FaultsVariable+"="+d.faults, inject.SeedVariable+"="+fmt.Sprint(d.seed),
		inject.JournalVariable+"="+journal, agent.LayersVariable+"="+string(layers))
	crew, err := dev.Start(ctx, dev.Config{
		Store: store, Env: env, Replicas: d.config.Replicas, Output: output,
		FirstDelay: 50 * time.Millisecond, MostDelay: 200 * time.Millisecond,
	}, d.programs)
	if err != nil {
		return Row{}, err
	}
	defer crew.Stop()
	if err := crew.Ready(ctx); err != nil {
		return Row{}, err
	}
	ids, fates, err := d.sagas(ctx, crew, layers)
	if err != nil {
		return Row{}, err
	}
	if d.late { // what happens after the last end must not be overlooked
		select {
		case <-time.After(lateness):
		case <-ctx.Done():
			return Row{}, ctx.Err()
		}
	}
	deaths := 0
	for _, p := range crew.Processes() {
		deaths += p.Deaths
	}
	crew.Stop()
	effects, err := w.effects(ctx)
	if err != nil {
		return Row{}, err
	}
	closed = true
	if err := w.close(); err != nil {
		return Row{}, err
	}
	notes, err := inject.ReadJournal(journal)
	if err != nil {
		return Row{}, err
	}
	row := d.judge(ids, fates, effects)
	row.Layers, row.Deaths = string(layers), deaths
	row.Faults = map[string]int{}
	for _, n := range notes {
		row.Faults[kindOf(n)]++
	}
	row.Took = time.Since(began).Seconds()
	return row, nil
}

// lateness is how long an effect may come after its call has timed out; see the
// fault of that name.
const lateness = 3 * time.Second

// mend does what a person would: what was wrong is put right, and the agent asked
// again.
func (d *drill) mend(ctx context.Context, log events.Log, m mend) error {
	const by, reason = "drill", "a person looked into it"
	if m.k <= 0 {
		return client.Redo(ctx, log, d.Saga, m.id, m.step, m.agent, by, reason)
	}
	at := events.Subject{Type: d.Saga, Step: m.step, Kind: events.Answered, N: m.k, ID: m.id}
	e, err := events.New(at, by, events.Event{}, events.Answer{Outcome: events.OutcomeRetry, By: by, Reason: reason, Next: m.agent})
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, e)
	if _, refused := errors.AsType[*events.Refusal](err); refused {
		return nil // it turned, or somebody answered
	}
	return err
}

// kindOf tells faults of the way back from those of the way forward.
func kindOf(n inject.Note) string {
	if n.Undoing {
		return "undo_" + string(n.Kind)
	}
	return string(n.Kind)
}

// errSilent: nothing happens any more, though not all sagas have ended.
var errSilent = errors.New("nothing happens any more")

// sagas submits the tasks, so many at a time, and watches them to their ends.
func (d *drill) sagas(ctx context.Context, crew *dev.Crew, layers agent.Layers) (ids []string, fates map[string]Fate, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := d.config
	for i := range c.Runs {
		ids = append(ids, fmt.Sprintf("drill-%d", i))
	}
	silence := time.AfterFunc(c.Patience, func() { cancel(errSilent) })
	defer silence.Stop()
	free := make(chan struct{}, c.AtOnce)
	mends := make(chan mend, c.Runs)
	watch, ended := newWatch(c.Over), 0
	var all sync.WaitGroup
	all.Go(func() {
		err := crew.Log().Follow(ctx, d.Saga, "", 1, func(e events.Event) error {
			silence.Reset(c.Patience)
			over, owed, err := watch.see(e)
			if err != nil {
				return err
			}
			for _, m := range owed {
				mends <- m
			}
			if over {
				<-free
				ended++
				c.Tell(Progress{layers, ended, c.Runs})
				if ended == c.Runs {
					cancel(nil)
				}
			}
			return nil
		})
		if err != nil {
			cancel(err)
		}
	})
	all.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-mends:
				if err := d.mend(ctx, crew.Log(), m); err != nil {
					cancel(err)
				}
			}
		}
	})
	err = d.tasks(ctx, c.Runs, func(i int, task []byte) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case free <- struct{}{}:
		}
		_, err := client.Submit(ctx, crew.Log(), d.Saga, ids[i], task, "drill")
		return err
	})
	if err != nil && !errors.Is(err, errSilent) {
		cancel(err)
	}
	all.Wait()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) && ended == c.Runs || errors.Is(cause, errSilent) {
		return ids, watch.fates, nil
	}
	return ids, watch.fates, cause
}
