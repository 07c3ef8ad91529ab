package inject

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The environment that asks for faults.
const (
	FaultsVariable  = "UNWIND_FAULTS"         // the file of the profile
	SeedVariable    = "UNWIND_SEED"           // instead of the profile's seed
	JournalVariable = "UNWIND_FAULTS_JOURNAL" // a file that each fault is noted in
)

// A Call is one call of an agent's function for one saga.
type Call struct {
	Saga    string // its id
	Step    string
	Agent   string
	Undoing bool
	N       int  // which call of this agent for this saga, from 1
	Again   bool // its message came again: somebody was at it before
}

// A Fault is what a call meets.
type Fault struct {
	Kind  Kind
	Wait  time.Duration // the Retry-After of busy and down, or how long a pause is
	Share float64       // from 0 to 1: how far a kill lets it come, or how late it is
}

// An Injector decides by a profile. Its zero value never does anything.
type Injector struct {
	File    string // of the profile, for people
	Profile Profile
	Journal *Journal // nil: nothing is noted
}

// FromEnv reads what the environment asks for: nil if it asks for nothing.
func FromEnv() (*Injector, error) {
	file := os.Getenv(FaultsVariable)
	if file == "" {
		return nil, nil
	}
	profile, err := Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", FaultsVariable, err)
	}
	if text := os.Getenv(SeedVariable); text != "" {
		if profile.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, fmt.Errorf("%s=%s: want a whole number from 0 on", SeedVariable, text)
		}
	}
	in := &Injector{File: file, Profile: profile}
	if path := os.Getenv(JournalVariable); path != "" {
		if in.Journal, err = OpenJournal(path); err != nil {
			return nil, fmt.Errorf("%s: %w", JournalVariable, err)
		}
	}
	return in, nil
}

// Meets says which fault a call meets, if any. A message that came again kills
// nobody while undoing: nothing in a history counts those who died so, and it
// would never end.
func (in *Injector) Meets(c Call) (Fault, bool) {
	f, meets := in.Profile.meets(c)
	if c.Undoing && c.Again && f.Kind.Kills() {
		return Fault{}, false
	}
	return f, meets
}

func (p Profile) meets(c Call) (Fault, bool) {
	if f, out := p.outage(c); out {
		return f, true
	}
	// An earlier call may have met something that lasts.
	for n := 1; n <= c.N; n++ {
		draw := c
		draw.N = n
		kind, chance := p.draw(draw)
		if kind != "" && n+max(chance.Calls, 1) > c.N {
			return Fault{Kind: kind, Wait: chance.Wait, Share: p.number(c, "share")}, true
		}
	}
	return Fault{}, false
}

// draw says what begins at a call.
func (p Profile) draw(c Call) (Kind, Chance) {
	kinds := forward
	if c.Undoing {
		kinds = back
	}
	at := p.number(c, "fault")
	for _, kind := range kinds {
		chance := p.chance(c, kind)
		if at < chance.Chance {
			return kind, chance
		}
		at -= chance.Chance
	}
	return "", Chance{}
}

// chance is the agent's own, or everyone's.
func (p Profile) chance(c Call, kind Kind) Chance {
	for _, name := range []string{c.Agent, Everyone} {
		list := p.Agents[name].Forward
		if c.Undoing {
			list = p.Agents[name].Back
		}
		if chance, ok := list[kind]; ok {
			return chance
		}
	}
	return Chance{}
}

func (p Profile) outage(c Call) (Fault, bool) {
	if c.Undoing {
		return Fault{}, false
	}
	n, ok := number(c.Saga)
	for i, o := range p.Outages {
		if !ok || !slices.Contains(o.Agents, c.Agent) || c.N > cmp.Or(o.Calls, math.MaxInt) {
			continue
		}
		// All its agents are down at the same time.
		block := fmt.Sprintf("%d/%d", i, n/uint64(max(o.Sagas, 1)))
		if p.number(Call{Saga: block}, "outage") < o.Chance {
			return Fault{Kind: o.Kind, Wait: o.Wait, Share: p.number(c, "share")}, true
		}
	}
	return Fault{}, false
}

// number is the number at the end of a saga's id.
func number(id string) (n uint64, ok bool) {
	digits := id[len(strings.TrimRight(id, "0123456789")):]
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// number is a number from 0 to 1, without 1, that nobody can tell from a random
// one, and always the same for a call and what it is drawn for.
func (p Profile) number(c Call, what string) float64 {
	h := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s\x00%s\x00%t\x00%d", p.Seed, what, c.Saga, c.Step, c.Agent, c.Undoing, c.N))
	return float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53)
}
