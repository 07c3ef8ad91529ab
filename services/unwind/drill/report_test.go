package drill

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// What a person reads, in a hundred columns and without colour.
func TestLines(t *testing.T) {
	report := Report{
		Saga: "kyc", Runs: 10000, Seed: 18, Machine: Machine{OS: "linux", Arch: "amd64", CPUs: 2},
		Rows: []Row{
			{
				Layers: "none", Runs: 10000, Completed: 8839, Undone: 170, Left: 991, Person: 991,
				Recovery: &Recovery{Sagas: 170, Median: 0.025, Worst: 3.1}, Faults: map[string]int{"hang": 60, "down": 152}, Deaths: 42, Took: 505.9,
			},
			{
				Layers: "all", Runs: 10000, Completed: 9732, Undone: 267, Stuck: 9, Unended: 1, Person: 9,
				Recovery: &Recovery{Sagas: 1137, Median: 0.523, Worst: 9.66}, Faults: map[string]int{"hang": 61}, Deaths: 57, Took: 355.8,
			},
		},
	}
	want := `
layers  completed      undone cleanly  left behind  done twice  needed a person  recovery, median  worst
none    8839  88.39 %  170  1.7 %      991  9.91 %  0  0 %      991  9.91 %      –                 –
all     9732  97.32 %  267  2.67 %     0  0 %       0  0 %      9  0.09 %        523ms             9.7s   0 miss something, 1 never ended

10000 sagas of kyc in each row, seed 18, in 14m22s on 2 CPUs (linux/amd64)
none: 212 faults, 42 deaths, 8m26s; all: 61 faults, 57 deaths, 5m56s
`
	got := report.Lines(ink.Ink{}, 0)
	assert.Equal(t, strings.TrimSpace(want), strings.Join(got[:6], "\n"))
}

// A few runs meet no fault, and then all rows look alike.
func TestLinesOfNoFaults(t *testing.T) {
	report := Report{Saga: "kyc", Runs: 20, Rows: []Row{{Layers: "none", Runs: 20, Completed: 20}, {Layers: "all", Runs: 20, Completed: 20}}}
	const says = "no fault was met, so the rows say nothing"
	assert.Contains(t, strings.Join(report.Lines(ink.Ink{}, 0), "\n"), says)
	report.Rows[0].Deaths = 1
	assert.NotContains(t, strings.Join(report.Lines(ink.Ink{}, 0), "\n"), says)
}
