package lint_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
)

var update = flag.Bool("update", false, "rewrite the expected findings in testdata")

// load reads all agents of a folder.
func load(t testing.TB, folder string) []config.Config {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if len(files) == 0 {
		t.Fatalf("no agents in %s", folder)
	}
	var agents []config.Config
	for _, file := range files {
		a, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		agents = append(agents, a)
	}
	return agents
}

// TestFindings compares the findings of each folder of agents with its
// findings.txt.
func TestFindings(t *testing.T) {
	folders, _ := filepath.Glob("testdata/*")
	if len(folders) == 0 {
		t.Fatal("no folders")
	}
	told := map[lint.Code]bool{}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			agents := load(t, folder)
			findings := lint.Check(agents)
			var b strings.Builder
			for _, f := range findings {
				told[f.Code] = true
				fmt.Fprintln(&b, f)
			}
			got := strings.ReplaceAll(b.String(), folder+"/", "")
			golden := filepath.Join(folder, "findings.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}

			for range 20 {
				rand.Shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
				if again := lint.Check(agents); !slices.Equal(again, findings) {
					t.Fatalf("in another order of agents, got\n%v\nwant\n%v", again, findings)
				}
			}
		})
	}
	for _, code := range lint.Codes() {
		if !told[code] {
			t.Errorf("no folder shows %s", code)
		}
	}
}

func TestAgentsBuiltInGo(t *testing.T) {
	for name, test := range map[string]struct {
		agents []config.Config
		want   []lint.Code
	}{
		"nobody":    {nil, nil},
		"one agent": {[]config.Config{{Agent: "a", Saga: "s", Final: true}}, nil},
		"a line": {[]config.Config{
			{Agent: "a", Saga: "s", CompensationHandler: config.NoCompensation, ResultSchema: new(config.Schema)},
			{Agent: "b", Saga: "s", After: []string{"a"}, Final: true},
		}, nil},
		"two types do not meet": {[]config.Config{
			{Agent: "a", Saga: "s", Final: true}, {Agent: "a", Saga: "t", Final: true, Deadline: time.Hour},
		}, nil},
		"not final": {[]config.Config{{Agent: "a", Saga: "s"}}, []lint.Code{lint.NoFinal, lint.NoUndo}},
		"a step that follows itself": {[]config.Config{{Agent: "a", Saga: "s", After: []string{"a"}, Final: true}},
			[]lint.Code{lint.Cycle, lint.UncheckedResults}},
		"the longest times there are": {[]config.Config{{Agent: "a", Saga: "s", Final: true, Timeout: 1 << 62, Deadline: 1 << 62}},
			[]lint.Code{lint.ShortDeadline}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []lint.Code
			for _, f := range lint.Check(test.agents) {
				got = append(got, f.Code)
				if f.Place != (config.Place{}) {
					t.Errorf("a place without a file: %v", f)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// FuzzCheck: whatever the graph, Check ends, and says nothing of errors only
// if each step really comes before the one that is final.
func FuzzCheck(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3})
	f.Add([]byte{1, 0})
	f.Add([]byte{0x00, 0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f})
	f.Fuzz(func(t *testing.T, followed []byte) {
		if len(followed) > 8 {
			t.Skip()
		}
		// Bit j of byte i: step i follows step j. The last step is final.
		name := func(i int) string { return string(rune('a' + i)) }
		before := map[int]uint8{}
		var agents []config.Config
		for i, bits := range followed {
			a := config.Config{Agent: name(i), Saga: "s", Final: i == len(followed)-1}
			for j := range followed {
				if bits&(1<<j) != 0 {
					a.After = append(a.After, name(j))
					before[i] |= 1 << j
				}
			}
			agents = append(agents, a)
		}
		// Close over what comes before what comes before.
		for range followed {
			for i := range followed {
				for j := range followed {
					if before[i]&(1<<j) != 0 {
						before[i] |= before[j]
					}
				}
			}
		}
		sound := true
		for i := range followed {
			last := len(followed) - 1
			sound = sound && before[i]&(1<<i) == 0 && (i == last || before[last]&(1<<i) != 0)
		}
		errors := slices.ContainsFunc(lint.Check(agents), func(f lint.Finding) bool { return f.Severity == lint.Error })
		if errors == sound {
			t.Errorf("sound %v, but Check says\n%v", sound, lint.Check(agents))
		}
	})
}

func ExampleCheck() {
	agents := []config.Config{
		{Agent: "id-extraction", Saga: "kyc", CompensationHandler: config.NoCompensation},
		{Agent: "face-matching", Saga: "kyc", After: []string{"id-extraction"}, CompensationHandler: "forget-template"},
	}
	for _, f := range lint.Check(agents) {
		fmt.Println(f)
	}
	// Output:
	// error: saga kyc would never complete: no step is final [no-final]
	//     hint: set final: true at the step that comes last
	// note: saga kyc hands the results of id-extraction on unchecked: what is wrong with one would show only where it is read [unchecked-results]
	//     hint: a result_schema makes a wrong result a failure of the step that made it
}
