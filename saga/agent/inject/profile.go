package inject

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

// A Profile says what fails, and how often. The zero value is no fault at all.
type Profile struct {
	Seed    uint64            `yaml:"seed"`
	Agents  map[string]Faults `yaml:"agents"` // by agent; Everyone is all that say nothing of a kind
	Outages []Outage          `yaml:"outages"`
}

// Everyone stands for all agents.
const Everyone = "*"

// Faults are an agent's, by kind.
type Faults struct {
	Forward Chances `yaml:"forward"` // of its step
	Back    Chances `yaml:"back"`    // of undoing it
}

// Chances are those of each kind of fault; together at most 1.
type Chances map[Kind]Chance

// A Chance is how often a fault is met.
type Chance struct {
	Chance float64       `yaml:"chance"` // 0 to 1, of each call
	Calls  int           `yaml:"calls"`  // how many calls in a row meet it then; 0: one
	Wait   time.Duration `yaml:"wait"`   // the Retry-After of busy and down, or how long a pause is
}

// An Outage is a fault that whole blocks of sagas meet, whatever else is drawn
// for them: of sagas whose ids end in a number, those of a block of neighbours.
type Outage struct {
	Agents []string      `yaml:"agents"`
	Chance float64       `yaml:"chance"` // 0 to 1, of each block
	Sagas  int           `yaml:"sagas"`  // in a block
	Kind   Kind          `yaml:"kind"`   // of a step's faults
	Calls  int           `yaml:"calls"`  // how many calls of each saga meet it; 0: all
	Wait   time.Duration `yaml:"wait"`
}

// Read reads a profile from a file. What is wrong with it is told as
// [config.Mistakes], each with its line and column.
func Read(path string) (Profile, error) {
	var p Profile
	file, err := config.ReadFile(path, &p)
	if err != nil {
		return Profile{}, fmt.Errorf("read faults: %w", err)
	}
	return p.checked(file)
}

// Parse is [Read] from memory.
func Parse(name string, text []byte, lookup func(string) (string, bool)) (Profile, error) {
	var p Profile
	file, err := config.DecodeFile(name, text, lookup, &p)
	if err != nil {
		return Profile{}, fmt.Errorf("read faults: %w", err)
	}
	return p.checked(file)
}

// Has reports whether anybody may meet a fault of this kind.
func (p Profile) Has(kind Kind) bool {
	in := func(c Chances) bool { return c[kind].Chance > 0 }
	for _, f := range p.Agents {
		if in(f.Forward) || in(f.Back) {
			return true
		}
	}
	return slices.ContainsFunc(p.Outages, func(o Outage) bool { return o.Kind == kind && o.Chance > 0 })
}

func (p Profile) checked(file *config.File) (Profile, error) {
	for _, name := range slices.Sorted(maps.Keys(p.Agents)) {
		at := "agents." + name
		if err := events.ValidAgent(name); name != Everyone && err != nil {
			file.Mistake(at, "%s (or %q, for all)", err, Everyone)
		}
		p.Agents[name].Forward.check(file, at+".forward", forward)
		p.Agents[name].Back.check(file, at+".back", back)
	}
	for i, o := range p.Outages {
		o.check(file, fmt.Sprintf("outages[%d]", i))
	}
	if err := file.Err(); err != nil {
		return Profile{}, fmt.Errorf("read faults: %w", err)
	}
	return p, nil
}

func (c Chances) check(file *config.File, at string, known []Kind) {
	sum := 0.0
	for _, kind := range slices.Sorted(maps.Keys(c)) {
		one, where := c[kind], at+"."+string(kind)
		if !slices.Contains(known, kind) {
			file.Unknown(where, string(kind), texts(known))
			continue
		}
		sum += one.Chance
		checkChance(file, where, one.Chance)
		if one.Calls < 0 {
			file.Mistake(where+".calls", "must not be negative, is %d", one.Calls)
		}
		checkWait(file, where, kind, one.Wait)
	}
	if sum > 1 {
		file.Mistake(at, "the chances add up to %g: a call meets one fault or none", sum)
	}
}

func (o Outage) check(file *config.File, at string) {
	if len(o.Agents) == 0 {
		file.Mistake(at+".agents", "is required: whose outage is it?")
	}
	for i, name := range o.Agents {
		if err := events.ValidAgent(name); err != nil {
			file.Mistake(fmt.Sprintf("%s.agents[%d]", at, i), "%s", err)
		}
	}
	if o.Sagas < 1 {
		file.Mistake(at+".sagas", "must be at least 1: how many sagas does it last?")
	}
	if o.Calls < 0 {
		file.Mistake(at+".calls", "must not be negative, is %d", o.Calls)
	}
	checkChance(file, at, o.Chance)
	if !slices.Contains(forward, o.Kind) {
		file.Unknown(at+".kind", string(o.Kind), texts(forward))
		return
	}
	checkWait(file, at, o.Kind, o.Wait)
}

func checkChance(file *config.File, at string, p float64) {
	if !(p >= 0 && p <= 1) {
		file.Mistake(at+".chance", "must be between 0 and 1, is %g", p)
	}
}

func checkWait(file *config.File, at string, kind Kind, wait time.Duration) {
	switch {
	case wait < 0:
		file.Mistake(at+".wait", "must not be negative, is %s", wait)
	case wait > 0 && !kind.waits():
		file.Mistake(at+".wait", "is of %s, %s and %s alone", Busy, Down, Pause)
	}
}

func texts(kinds []Kind) []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = string(k)
	}
	return list
}
