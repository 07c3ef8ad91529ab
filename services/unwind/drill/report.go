package drill

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A Report is what a drill found.
type Report struct {
	Saga    string    `json:"saga"`
	Runs    int       `json:"runs"`
	Seed    uint64    `json:"seed"`
	Faults  string    `json:"faults"` // the file
	At      time.Time `json:"at"`
	Machine Machine   `json:"machine"`
	Rows    []Row     `json:"rows"`
}

// A Machine is where it ran.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

func thisMachine() Machine {
	return Machine{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()}
}

// Err says what of the promises was not kept. With all layers nothing may be
// left, done twice, missing or open; with fewer that is what a drill shows.
func (r Report) Err() error {
	for _, row := range r.Rows {
		whole := row.Layers == string(agent.AllLayers)
		if bad := row.Left + row.Twice + row.Missing; whole && bad > 0 || row.Unended > 0 {
			return fmt.Errorf("drill %q with layers %s: %d left something behind, %d did something twice, of %d something is missing, %d never ended",
				r.Saga, row.Layers, row.Left, row.Twice, row.Missing, row.Unended)
		}
	}
	return nil
}

// Lines prints the report for people.
func (r Report) Lines(in ink.Ink, columns int) []string {
	table := ink.Table{Head: []string{"layers", "completed", "undone cleanly", "left behind", "done twice", "needed a person", "recovery, median", "worst", ""}}
	for _, row := range r.Rows {
		share := func(n int, t ink.Tone) ink.Cell {
			if n == 0 {
				t = ink.Quiet
			}
			return ink.Cell{Text: fmt.Sprintf("%d  %s", n, percent(n, row.Runs)), Tone: t}
		}
		cells := []ink.Cell{
			{Text: row.Layers, Tone: ink.Strong}, share(row.Completed, ink.Good), share(row.Undone, ink.Good),
			share(row.Left, ink.Bad), share(row.Twice, ink.Bad), share(row.Person, ink.Warn),
		}
		median, worst := "–", "–"
		if row.Recovery != nil && row.Layers != string(agent.NoLayers) {
			median, worst = span(row.Recovery.Median), span(row.Recovery.Worst)
		}
		rest := ""
		if row.Missing+row.Unended > 0 {
			rest = fmt.Sprintf("%d miss something, %d never ended", row.Missing, row.Unended)
		}
		table.Row(append(cells, ink.Cell{Text: median}, ink.Cell{Text: worst}, ink.Cell{Text: rest, Tone: ink.Bad})...)
	}
	lines := table.Lines(in, columns)
	var took float64
	met := 0
	var notes []string
	for _, row := range r.Rows {
		took += row.Took
		faults := 0
		for _, n := range row.Faults {
			faults += n
		}
		met += faults + row.Deaths
		notes = append(notes, fmt.Sprintf("%s: %d faults, %d deaths, %s", row.Layers, faults, row.Deaths, span(row.Took)))
	}
	if met == 0 {
		notes = append(notes, "no fault was met, so the rows say nothing: --runs 1000 meets some")
	}
	return append(lines, "",
		fmt.Sprintf("%d sagas of %s in each row, seed %d, in %s on %d CPUs (%s/%s)", r.Runs, r.Saga, r.Seed, span(took), r.Machine.CPUs, r.Machine.OS, r.Machine.Arch),
		strings.Join(notes, "; "),
		"what is left and what was done twice was looked up where the effects are, not in the histories;",
		"to need a person: undoing was given up, or something is left, twice, missing, or without an end;",
		"recovery: from a saga's first failure or crash to its end, of those that needed nobody")
}

func span(seconds float64) string { return ink.Span(time.Duration(seconds * float64(time.Second))) }

// percent is a share of the runs, with as many digits as ten thousand of them
// are worth.
func percent(n, of int) string {
	text := fmt.Sprintf("%.2f", 100*float64(n)/float64(of))
	return strings.TrimSuffix(strings.TrimSuffix(text, "0"), ".0") + " %"
}
