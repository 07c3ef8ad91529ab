package inject_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/agent/inject"
	"github.com/unwind-saga/unwind/saga/config"
)

func parse(t *testing.T, text string) inject.Injector {
	t.Helper()
	p, err := inject.Parse("faults.yaml", []byte(text), nil)
	require.NoError(t, err)
	return inject.Injector{Profile: p}
}

func saga(i int) string { return fmt.Sprintf("s-%d", i) }

// met counts what the first calls of n sagas meet.
func met(in inject.Injector, n int, c inject.Call) map[inject.Kind]int {
	count := map[inject.Kind]int{}
	for i := range n {
		c.Saga = saga(i)
		if f, meets := in.Meets(c); meets {
			count[f.Kind]++
		}
	}
	return count
}

// Each kind comes as often as it is told to, within five standard deviations.
func TestRates(t *testing.T) {
	chances := map[inject.Kind]float64{}
	text := "seed: 3\nagents:\n  \"*\":\n    forward:\n"
	for i, kind := range inject.Kinds(false) {
		chances[kind] = 0.005 * float64(i+1)
		text += fmt.Sprintf("      %s: {chance: %g}\n", kind, chances[kind])
	}
	const n = 40_000
	in := parse(t, text)
	for _, agent := range []string{"seat", "card"} {
		for kind, got := range met(in, n, inject.Call{Step: agent, Agent: agent, N: 1}) {
			p := chances[kind]
			assert.InDelta(t, n*p, got, 5*math.Sqrt(n*p*(1-p)), "%s of %s", kind, agent)
		}
	}
	assert.Empty(t, met(in, n, inject.Call{Step: "seat", Agent: "seat", N: 1, Undoing: true}), "undoing has faults of its own")
}

const mixed = `
seed: 7
agents:
  "*":
    forward:
      transient:  {chance: 0.2}
      lost_after: {chance: 0.1, calls: 3}
    back:
      fail: {chance: 0.3, calls: 2}
      kill_before: {chance: 0.2}
  card:
    forward:
      transient: {chance: 0}
      busy: {chance: 0.1, wait: 1500ms}
outages:
  - {agents: [seat], chance: 0.1, sagas: 10, kind: down, wait: 2s}
`

// What a call meets depends on nothing but the call and the seed.
func TestAlwaysTheSame(t *testing.T) {
	one, two, other := parse(t, mixed), parse(t, mixed), parse(t, mixed)
	other.Profile.Seed++
	differ := 0
	for i := range 500 {
		for n := 1; n <= 3; n++ {
			for _, undoing := range []bool{false, true} {
				c := inject.Call{Saga: saga(i), Step: "seat", Agent: "seat", N: n, Undoing: undoing}
				a, meetsA := one.Meets(c)
				b, meetsB := two.Meets(c)
				assert.Equal(t, a, b)
				assert.Equal(t, meetsA, meetsB)
				if o, _ := other.Meets(c); o.Kind != a.Kind {
					differ++
				}
			}
		}
	}
	assert.Greater(t, differ, 250, "another seed meets other faults")
}

// A fault with calls is met by so many in a row, and what an agent says of a kind
// stands against what is said of all.
func TestCalls(t *testing.T) {
	in := parse(t, "agents: {seat: {forward: {lost_after: {chance: 0.01, calls: 3}}}}\n")
	begun := 0
	for i := range 20_000 {
		c := inject.Call{Saga: saga(i), Step: "seat", Agent: "seat", N: 1}
		if _, meets := in.Meets(c); !meets {
			continue
		}
		begun++
		for _, n := range []int{2, 3} {
			c.N = n
			_, meets := in.Meets(c)
			assert.True(t, meets, "call %d of %s", n, c.Saga)
		}
	}
	assert.InDelta(t, 200, begun, 5*math.Sqrt(200))
	fourth := met(in, 20_000, inject.Call{Step: "seat", Agent: "seat", N: 4})
	assert.InDelta(t, 600, fourth[inject.LostAfter], 5*math.Sqrt(600), "begun at the second, the third or the fourth")

	own := met(parse(t, mixed), 10_000, inject.Call{Step: "card", Agent: "card", N: 1})
	assert.Zero(t, own[inject.Transient], "card says that it never does")
	assert.InDelta(t, 1000, own[inject.Busy], 150)
	assert.InDelta(t, 1000, own[inject.LostAfter], 150, "of which card says nothing")
}

func TestOutages(t *testing.T) {
	in := parse(t, "seed: 1\noutages: [{agents: [seat, card], chance: 0.2, sagas: 10, kind: down, wait: 2s, calls: 2}]\n")
	out := 0
	for block := range 500 {
		down := 0
		for i := range 10 {
			c := inject.Call{Saga: saga(10*block + i), Step: "seat", Agent: "seat", N: 2}
			f, meets := in.Meets(c)
			if meets {
				down++
				assert.Equal(t, inject.Down, f.Kind)
				assert.Equal(t, 2*time.Second, f.Wait)
			}
			c.Agent, c.Step = "card", "card"
			_, too := in.Meets(c)
			assert.Equal(t, meets, too, "what is down is down for both")
			c.N = 3
			_, still := in.Meets(c)
			assert.False(t, still, "it is over after two calls")
		}
		assert.Contains(t, []int{0, 10}, down, "all of a block or none")
		out += down / 10
	}
	assert.InDelta(t, 100, out, 5*math.Sqrt(80))
	_, meets := in.Meets(inject.Call{Saga: "no-number", Step: "seat", Agent: "seat", N: 1})
	assert.False(t, meets)
}

// A kill while undoing leaves nothing to count it by, so it happens once.
func TestNobodyIsKilledForEver(t *testing.T) {
	in := parse(t, "agents: {\"*\": {back: {kill_after: {chance: 1}}}}\n")
	c := inject.Call{Saga: "1", Step: "seat", Agent: "seat", N: 1, Undoing: true}
	f, meets := in.Meets(c)
	assert.True(t, meets)
	assert.Equal(t, inject.KillAfter, f.Kind)
	c.Again = true
	_, meets = in.Meets(c)
	assert.False(t, meets)
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":                {"\n", "faults.yaml:1:1: is empty"},
		"a list":               {"- a\n", "faults.yaml:1:1: must be a mapping of keys to values, is a list"},
		"an unknown key":       {"sed: 1\n", "faults.yaml:1:1: sed: unknown key, did you mean seed?"},
		"an unknown part":      {"agents: {seat: {forwrd: {}}}\n", "faults.yaml:1:17: agents.seat.forwrd: unknown key, did you mean forward?"},
		"an unknown kind":      {"agents:\n  \"*\":\n    forward:\n      tranzient: {chance: 1}\n", `faults.yaml:4:18: agents.*.forward.tranzient: "tranzient" is unknown, did you mean transient?`},
		"a kind of the other":  {"agents: {seat: {back: {refused: {chance: 0.1}}}}\n", `faults.yaml:1:33: agents.seat.back.refused: "refused" is unknown`},
		"a chance of more":     {"agents: {seat: {forward: {hang: {chance: 1.5}}}}\n", "faults.yaml:1:26: agents.seat.forward: the chances add up to 1.5: a call meets one fault or none\nfaults.yaml:1:42: agents.seat.forward.hang.chance: must be between 0 and 1, is 1.5"},
		"more than all":        {"agents: {seat: {forward: {hang: {chance: 0.5}, down: {chance: 0.75}}}}\n", "faults.yaml:1:26: agents.seat.forward: the chances add up to 1.25: a call meets one fault or none"},
		"no unit":              {"agents: {seat: {forward: {busy: {chance: 0.5, wait: 3}}}}\n", "faults.yaml:1:53: agents.seat.forward.busy.wait: must be a duration with its unit, such as 10s, is 3"},
		"a wait of no use":     {"agents: {seat: {forward: {hang: {chance: 0.5, wait: 3s}}}}\n", "faults.yaml:1:53: agents.seat.forward.hang.wait: is of busy, down and pause alone"},
		"no agent":             {"agents: {Seat: {}}\n", "faults.yaml:1:16: agents.Seat: agent \"Seat\": "},
		"an outage of nobody":  {"outages: [{chance: 0.1, sagas: 10, kind: down}]\n", "faults.yaml:1:11: outages[0].agents: is required: whose outage is it?"},
		"an outage of nothing": {"outages: [{agents: [a], chance: 0.1, sagas: 10, kind: dwn}]\n", `faults.yaml:1:55: outages[0].kind: "dwn" is unknown, did you mean down?`},
		"twice":                {"seed: 1\nseed: 2\n", "faults.yaml:2:1: seed: is given twice, first in line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inject.Parse("faults.yaml", []byte(c.text), nil)
			mistakes, ok := errors.AsType[config.Mistakes](err)
			require.True(t, ok, "%v", err)
			assert.Contains(t, mistakes.Error(), c.want)
		})
	}
}

func TestFromEnv(t *testing.T) {
	folder := t.TempDir()
	file, journal := filepath.Join(folder, "faults.yaml"), filepath.Join(folder, "journal")
	require.NoError(t, os.WriteFile(file, []byte("seed: 5\nagents: {seat: {forward: {hang: {chance: 1}}}}\n"), 0o600))
	in, err := inject.FromEnv()
	require.NoError(t, err)
	assert.Nil(t, in, "nobody asked")

	t.Setenv("UNWIND_FAULTS", file)
	in, err = inject.FromEnv()
	require.NoError(t, err)
	assert.Equal(t, uint64(5), in.Profile.Seed)
	assert.NoError(t, in.Journal.Note(inject.Call{}, inject.Hang), "without a journal nothing is noted")

	t.Setenv("UNWIND_SEED", "9")
	t.Setenv("UNWIND_FAULTS_JOURNAL", journal)
	for range 2 { // each process opens it
		in, err = inject.FromEnv()
		require.NoError(t, err)
		assert.Equal(t, uint64(9), in.Profile.Seed)
		require.NoError(t, in.Journal.Note(inject.Call{Saga: "1", Step: "seat", Agent: "seat", N: 2}, inject.Hang))
	}
	notes, err := inject.ReadJournal(journal)
	require.NoError(t, err)
	note := inject.Note{Kind: inject.Hang, Saga: "1", Step: "seat", Agent: "seat", N: 2}
	assert.Equal(t, []inject.Note{note, note}, notes)
	none, err := inject.ReadJournal(filepath.Join(folder, "none"))
	assert.NoError(t, err)
	assert.Empty(t, none)

	t.Setenv("UNWIND_SEED", "-1")
	_, err = inject.FromEnv()
	assert.EqualError(t, err, "UNWIND_SEED=-1: want a whole number from 0 on")
	t.Setenv("UNWIND_FAULTS", filepath.Join(folder, "nowhere.yaml"))
	_, err = inject.FromEnv()
	assert.ErrorIs(t, err, os.ErrNotExist)
}
