package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

// trip is two steps, of which the second has a stand-in, and a place outside.
var trip = Family{Saga: "trip", Every: []string{"seat", "card", "bank"}, programs: []dev.Program{
	{Config: config.Config{Agent: "seat", Step: "seat"}},
	{Config: config.Config{Agent: "card", Step: "card"}},
	{Config: config.Config{Agent: "cash", Step: "card", StandIn: true}},
}}

func there(places ...string) (list []Effect) {
	for _, place := range places {
		list = append(list, Effect{Saga: "1", Where: place, Count: 1})
	}
	return list
}

// How a saga ended is its history's word; what is there, the world's.
func TestJudge(t *testing.T) {
	began := time.Unix(0, 0)
	completed := Fate{Status: saga.Completed, Begun: began, Ended: began.Add(time.Second)}
	undone := Fate{Status: saga.Compensated, Begun: began, Troubled: began.Add(time.Second), Ended: began.Add(3 * time.Second)}
	mended := undone
	mended.Person = true
	twice := there("seat", "card", "bank")
	twice[2].Count = 2
	for name, c := range map[string]struct {
		fate    *Fate
		effects []Effect
		want    Row
	}{
		"completed":                    {&completed, there("seat", "card", "bank"), Row{Completed: 1}},
		"completed by the stand-in":    {&completed, there("seat", "cash", "bank"), Row{Completed: 1}},
		"a step done by two":           {&completed, there("seat", "card", "cash", "bank"), Row{Completed: 1, Twice: 1, Person: 1}},
		"twice at a place":             {&completed, twice, Row{Completed: 1, Twice: 1, Person: 1}},
		"completed, and nothing of it": {&completed, nil, Row{Completed: 1, Missing: 1, Person: 1}},
		"a place is missing":           {&completed, there("seat", "card"), Row{Completed: 1, Missing: 1, Person: 1}},
		"undone":                       {&undone, nil, Row{Undone: 1, Recovery: &Recovery{Sagas: 1, Median: 2, P99: 2, Worst: 2}}},
		"said to be undone":            {&undone, there("bank"), Row{Left: 1, Person: 1}},
		"undone by a person":           {&mended, nil, Row{Undone: 1, Stuck: 1, Person: 1}},
		"never ended":                  {nil, nil, Row{Unended: 1, Person: 1}},
		"never ended, and left":        {nil, there("seat"), Row{Left: 1, Unended: 1, Person: 1}},
		"of another saga":              {&undone, []Effect{{Saga: "2", Where: "seat", Count: 1}}, Row{Undone: 1, Recovery: &Recovery{Sagas: 1, Median: 2, P99: 2, Worst: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			fates := map[string]Fate{}
			if c.fate != nil {
				fates["1"] = *c.fate
			}
			got := trip.judge([]string{"1"}, fates, c.effects)
			odd := got.Odd
			got.Odd, c.want.Runs = nil, 1
			assert.Equal(t, c.want, got)
			assert.Equal(t, got.Left+got.Twice+got.Missing+got.Unended > 0, len(odd) > 0, "whatever is odd is told")
		})
	}
}

func TestRecovery(t *testing.T) {
	var times []time.Duration
	for n := range 101 {
		times = append(times, time.Duration(100-n)*time.Second)
	}
	assert.Equal(t, &Recovery{Sagas: 101, Median: 50, P99: 99, Worst: 100}, recoveryOf(times))
	assert.Nil(t, recoveryOf(nil))
}

func TestReportErr(t *testing.T) {
	assert.NoError(t, Report{Rows: []Row{{Layers: "none", Left: 5, Twice: 1, Missing: 1}, {Layers: "all", Stuck: 3}}}.Err(), "that is what a drill shows")
	for name, row := range map[string]Row{
		"left": {Layers: "all", Left: 1}, "twice": {Layers: "all", Twice: 1}, "missing": {Layers: "all", Missing: 1},
		"never ended": {Layers: "none", Unended: 1},
	} {
		assert.Error(t, Report{Rows: []Row{row}}.Err(), name)
	}
}
