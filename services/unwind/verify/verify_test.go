package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/verify"
)

// The places in a saga that an agent of these tests may have.
const (
	joining = "after: [quote, check]\n"
	ending  = "final: true\n"
	taking  = "step: place\nstand_in: true\n"
)

const base = `agent: seat
saga: trip
timeout: 5s
lease: 1s
retry_policy: {max_retries: 2, base_delay: 1s, jitter_ratio: 0}
compensation_handler: give-back
result_schema: {type: object, properties: {seat: {type: string}}}
`

const tasks = `completes: {task: {do: it}}
refuses: {task: {do: refuse}}
fails: {task: {do: fail}}
world: [%s]
`

// subject writes the files of an agent that is this very program.
func subject(t *testing.T, place, wrong string) verify.Subject {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	folder := t.TempDir()
	file := filepath.Join(folder, "agent.yaml")
	command := fmt.Sprintf("command: [%s, agent, %s]\n", self, file)
	require.NoError(t, os.WriteFile(file, []byte(base+place+command), 0o600))
	about := fmt.Sprintf(tasks, self) + "env: {" + mutation + ": \"" + wrong + "\"}\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "verify.yaml"), []byte(about), 0o600))
	s, err := verify.Load(file, "")
	require.NoError(t, err)
	return s
}

func run(t *testing.T, s verify.Subject, c verify.Config) verify.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var output bytes.Buffer
	c.Output = &output
	report, err := verify.Run(ctx, s, c)
	require.NoError(t, err, output.String())
	return report
}

func failures(r verify.Report) (names []string) {
	for _, result := range r.Results {
		if result.Status == verify.Failed {
			names = append(names, result.Check)
		}
	}
	return names
}

func explain(r verify.Report) string {
	var lines []string
	for _, result := range r.Results {
		if result.Status == verify.Failed {
			lines = append(lines, result.Lines(ink.Ink{})...)
		}
	}
	return strings.Join(lines, "\n")
}

// An agent that keeps the protocol passes, at each place that it may have. What is
// not checked is what does not concern it.
func TestPasses(t *testing.T) {
	for name, c := range map[string]struct {
		place   string
		skipped []string
	}{
		"entry":   {"", []string{"join", "settles"}},
		"joining": {joining, []string{"deadline-timer", "settles"}},
		"ending":  {ending, []string{"join"}},
		"taking":  {taking, []string{"deadline-timer", "join", "settles"}},
		"pivot":   {"pivot: true\n", []string{"join", "undoes", "nothing-left", "settles"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, subject(t, c.place, ""), verify.Config{})
			assert.Empty(t, failures(r), explain(r))
			var skipped []string
			for _, result := range r.Results {
				if result.Status == verify.Skipped {
					skipped = append(skipped, result.Check)
				}
			}
			assert.Equal(t, c.skipped, skipped)
		})
	}
}

// slow are the checks that wait for a lease.
var slow = []string{"takeover", "same-key", "settles", "settles-failure", "late"}

// Each broken rule is found, by the check that is named after it. A rule on which
// others rest breaks those too, and they are named.
func TestMutants(t *testing.T) {
	for wrong, c := range map[string]struct {
		place  string
		caught []string // exactly by these
		blurs  bool     // what others wait for says nothing any more: they may fail too
	}{
		"listens-to-everything":         {joining, []string{"consumers"}, false},
		"claims-for-another-reason":     {"", []string{"claim"}, false},
		"works-before-it-claims":        {"", []string{"claims-first"}, false},
		"sets-no-deadline":              {"", []string{"deadline-timer"}, false},
		"forgets-the-context":           {joining, []string{"completed"}, false},
		"answers-garbage":               {"", []string{"result-schema"}, false},
		"forgets-the-end":               {ending, []string{"end", "acknowledges-last", "undoes", "nothing-left"}, false},
		"acknowledges-first":            {joining, []string{"acknowledges-last"}, true},
		"does-not-wait-for-all":         {joining, []string{"join", "claim", "completed", "header-case"}, false},
		"tries-again-when-redelivered":  {joining, []string{"redelivered"}, false},
		"takes-what-a-twin-claimed":     {"", []string{"twin-claimed", "retry-timer"}, false},
		"is-deaf-to-timers":             {"", []string{"retry-timer", "undo-timer", "fails", "gives-up"}, false},
		"tries-refusals-again":          {"", []string{"refused"}, false},
		"sets-no-timer":                 {"", []string{"fails"}, false},
		"holds-while-it-waits":          {"", []string{"fails"}, false},
		"keeps-what-the-latch-refused":  {"", []string{"latch-refuses"}, false},
		"undoes-again-when-redelivered": {"", []string{"undo-redelivered"}, false},
		"is-deaf-to-redo":               {"", []string{"redo"}, false},
		"is-deaf-to-the-deadline":       {"", []string{"deadline"}, false},
		"is-deaf-to-the-latch":          {"", []string{"advance", "undoes", "undoes-unknown", "undo-redelivered", "redo", "undo-timer", "nothing-left"}, false},
		"undoes-all-at-once":            {"", []string{"advance", "undoes"}, false},
		"leaves-its-effect":             {"", []string{"nothing-left"}, false},
		"takes-nothing-over":            {"", []string{"takeover"}, false},
		"takes-another-key":             {"", []string{"same-key"}, false},
		"dies-of-garbage":               {joining, []string{"garbage"}, false},
		"reads-lower-case-only":         {"", []string{"header-case"}, false},
		"drops-guards":                  {"", []string{"guards", "latch-refuses"}, false},
		"sets-a-message-id":             {"", []string{"envelope"}, false},
		"says-what-is-no-word":          {"", []string{"schemas"}, false},
	} {
		t.Run(wrong, func(t *testing.T) {
			t.Parallel()
			var only []string
			for _, check := range verify.Checks() {
				if !slices.Contains(slow, check.Name) || slices.Contains(c.caught, check.Name) {
					only = append(only, check.Name)
				}
			}
			r := run(t, subject(t, c.place, wrong), verify.Config{Only: only, Limit: 5 * time.Second})
			if c.blurs {
				assert.Subset(t, failures(r), c.caught, explain(r))
			} else {
				assert.ElementsMatch(t, c.caught, failures(r), explain(r))
			}
		})
	}
}
