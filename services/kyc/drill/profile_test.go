package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/agent/inject"
)

// The published figure that the profile stands for: 12 of 100 workflows fail
// when nothing recovers. Here it is computed from the profile alone; a drill
// adds what a killed process had in hand beside the saga that it was killed for.
func TestTwelveOfAHundred(t *testing.T) {
	profile, err := inject.Read("faults.yaml")
	require.NoError(t, err)
	in := inject.Injector{Profile: profile}
	for _, runs := range []int{1000, 10000} {
		failed, hopeless := 0, 0
		for i := range runs {
			id, bad, lost := fmt.Sprintf("drill-%d", i), false, false
			for _, name := range []string{"id-extraction", "face-matching", "document-validation", "risk-scoring", "notification"} {
				if _, meets := in.Meets(inject.Call{Saga: id, Step: name, Agent: name, N: 1}); meets {
					bad = true
				}
				lost = lost || gaveUp(in, id, name) && (name != "face-matching" || refusal(in, id, name))
			}
			if bad {
				failed++
			}
			if lost {
				hopeless++
			}
		}
		share := 100 * float64(failed) / float64(runs)
		t.Logf("%d of %d fail without recovery (%.2f %%), %d with retries and fallbacks (%.2f %%)",
			failed, runs, share, hopeless, 100*float64(hopeless)/float64(runs))
		assert.InDelta(t, 12, share, 1)
	}
}

// gaveUp reports whether four tries of an agent are not enough.
func gaveUp(in inject.Injector, id, name string) bool {
	for n := range 4 {
		f, meets := in.Meets(inject.Call{Saga: id, Step: name, Agent: name, N: n + 1})
		switch {
		case !meets:
			return false
		case f.Kind == inject.Refused, f.Kind == inject.Unavailable:
			return true
		}
	}
	return true
}

func refusal(in inject.Injector, id, name string) bool {
	for n := range 4 {
		f, meets := in.Meets(inject.Call{Saga: id, Step: name, Agent: name, N: n + 1})
		if !meets || f.Kind == inject.Refused {
			return meets
		}
	}
	return false
}
