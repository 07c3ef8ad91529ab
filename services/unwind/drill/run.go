package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/agent/inject"
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
	d.program = Program{Command: command, Folder: f.folder()}
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
	program  Program
	config   Config
	faults   string
	seed     uint64
	late     bool // some faults happen after all
	programs []dev.Program
}

// row runs one row, in a folder of its own.
func (d *drill) row(ctx context.Context, layers agent.Layers, store string) (row Row, err error) {
	began := time.Now()
	if _, err := os.Stat(store); err == nil {
		return row, fmt.Errorf("%s is there already: each drill wants an empty store", store)
	}
	if err := os.MkdirAll(store, 0o750); err != nil {
		return row, err
	}
	if d.config.Store == "" {
		defer os.RemoveAll(store)
	}
	w, err := d.program.Open(ctx, filepath.Join(store, "world"))
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	ids, fates, deaths, err := d.play(ctx, layers, store, w.Env)
	if err != nil {
		return row, err
	}
	effects, err := w.Effects(ctx)
	if err != nil {
		return row, err
	}
	notes, err := inject.ReadJournal(filepath.Join(store, journal))
	if err != nil {
		return row, err
	}
	row = d.judge(ids, fates, effects)
	row.Layers, row.Deaths, row.Faults = string(layers), deaths, map[string]int{}
	for _, n := range notes {
		row.Faults[kindOf(n)]++
	}
	row.Took = time.Since(began).Seconds()
	return row, nil
}

// journal is the file of the faults that were met, beside what the agents print.
const (
	journal = "faults.jsonl"
	printed = "agents.log"
)

// play starts the agents, has the sagas carried to their ends, and stops the
// agents: none is at work when the world is looked at.
func (d *drill) play(ctx context.Context, layers agent.Layers, store string, env []string) (ids []string, fates map[string]Fate, deaths int, err error) {
	output, err := os.Create(filepath.Join(store, printed))
	if err != nil {
		return nil, nil, 0, err
	}
	defer output.Close()
	for name, value := range d.Env {
		env = append(env, name+"="+value)
	}
	env = append(env,
		inject.FaultsVariable+"="+d.faults, inject.SeedVariable+"="+fmt.Sprint(d.seed),
		inject.JournalVariable+"="+filepath.Join(store, journal), agent.LayersVariable+"="+string(layers))
	crew, err := dev.Start(ctx, dev.Config{
		Store: store, Env: env, Replicas: d.config.Replicas, Output: output,
		FirstDelay: 50 * time.Millisecond, MostDelay: 200 * time.Millisecond, // deaths are what it is about
	}, d.programs)
	if err != nil {
		return nil, nil, 0, err
	}
	defer crew.Stop()
	if err := crew.Ready(ctx); err != nil {
		return nil, nil, 0, err
	}
	if ids, fates, err = d.sagas(ctx, crew, layers); err != nil {
		return nil, nil, 0, err
	}
	if d.late { // what happens after the last end must not be overlooked
		select {
		case <-time.After(lateness):
		case <-ctx.Done():
			return nil, nil, 0, ctx.Err()
		}
	}
	for _, p := range crew.Processes() {
		deaths += p.Deaths
	}
	return ids, fates, deaths, nil
}

// lateness is how long an effect may come after its call has timed out; see the
// fault of that name.
const lateness = 3 * time.Second

// kindOf tells faults of the way back from those of the way forward.
func kindOf(n inject.Note) string {
	if n.Undoing {
		return "undo_" + string(n.Kind)
	}
	return string(n.Kind)
}
