package drill

import (
	"slices"
	"time"

	"github.com/unwind-saga/unwind/saga"
)

// A Row is what became of the sagas with some layers of recovery.
type Row struct {
	Layers    string `json:"layers"`
	Runs      int    `json:"runs"`
	Completed int    `json:"completed"`
	Undone    int    `json:"undone"`      // did not complete, and nothing of them is there
	Left      int    `json:"left_behind"` // did not complete, and something is there
	Twice     int    `json:"done_twice"`  // completed, and something is there more than once
	Missing   int    `json:"missing"`     // completed, and something is not there
	Stuck     int    `json:"stuck"`       // waited for a person, and were mended
	Unended   int    `json:"unended"`     // never ended
	Person    int    `json:"needed_a_person"`

	Recovery *Recovery      `json:"recovery,omitempty"` // of those that recovered by themselves
	Faults   map[string]int `json:"faults"`             // that were met, by kind
	Deaths   int            `json:"deaths"`             // of processes
	Took     float64        `json:"took_s"`

	Odd []Oddity `json:"odd,omitempty"` // sagas that are not as they should be; the first of them
}

// Recovery times, in seconds, from the first failure or crash of a saga to its
// end.
type Recovery struct {
	Sagas  int     `json:"sagas"`
	Median float64 `json:"median_s"`
	P99    float64 `json:"p99_s"`
	Worst  float64 `json:"worst_s"`
}

// An Oddity is one saga that is not as it should be, and what is there of it.
type Oddity struct {
	Saga    string      `json:"saga"`
	What    string      `json:"what"` // left_behind, done_twice, missing or unended
	Status  saga.Status `json:"status"`
	Effects []Effect    `json:"effects"`
}

// mostOdd is how many are told; the counts have them all.
const mostOdd = 20

// judge counts what became of the sagas: how they ended is in their fates, what
// is there is what the world says.
func (f Family) judge(ids []string, fates map[string]Fate, effects []Effect) (r Row) {
	there := map[string][]Effect{}
	for _, e := range effects {
		there[e.Saga] = append(there[e.Saga], e)
	}
	r.Runs = len(ids)
	var times []time.Duration
	for _, id := range ids {
		fate, ended := fates[id]
		found := there[id]
		what := ""
		switch {
		case fate.Status == saga.Completed:
			r.Completed++
			if f.twice(found) {
				r.Twice++
				what = "done_twice"
			} else if f.missing(found) {
				r.Missing++
				what = "missing"
			}
		case len(found) > 0:
			r.Left++
			what = "left_behind"
		case ended:
			r.Undone++
		}
		if !ended {
			r.Unended++
			what = "unended"
		}
		if fate.Person {
			r.Stuck++
		}
		if fate.Person || what != "" {
			r.Person++
		}
		if what != "" && len(r.Odd) < mostOdd {
			r.Odd = append(r.Odd, Oddity{id, what, fate.Status, found})
		}
		if d, ok := fate.recovery(); ok && what == "" {
			times = append(times, d)
		}
	}
	r.Recovery = recoveryOf(times)
	return r
}

func recoveryOf(times []time.Duration) *Recovery {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	at := func(share float64) float64 { return times[int(share*float64(len(times)-1))].Seconds() }
	return &Recovery{Sagas: len(times), Median: at(0.5), P99: at(0.99), Worst: at(1)}
}

// twice reports whether an effect is there more often than once, or of more
// agents of one step than one.
func (f Family) twice(found []Effect) bool {
	by := map[string]string{}
	for _, e := range found {
		if e.Count > 1 {
			return true
		}
		if step := f.step(e.Where); step != "" {
			if other := by[step]; other != "" && other != e.Where {
				return true
			}
			by[step] = e.Where
		}
	}
	return false
}

// missing reports whether something is not there that every saga leaves.
func (f Family) missing(found []Effect) bool {
	return slices.ContainsFunc(f.Every, func(place string) bool {
		return !slices.ContainsFunc(found, func(e Effect) bool { return e.Where == place || f.step(e.Where) == place })
	})
}
