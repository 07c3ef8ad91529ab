package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/saga/when"
)

var update = flag.Bool("update", false, "rewrite the expected texts in testdata")

// env is the environment of all tests here.
func env(name string) (string, bool) {
	v, ok := map[string]string{"EMPTY": "", "SECRET": "hush", "N": "7", "YES": "true", "LIST": "[a, b]", "COLON": "a: b", "HASH": "5 #b"}[name]
	return v, ok
}

// parse reads a file that must be right.
func parse(t *testing.T, text string) Config {
	t.Helper()
	c, err := Parse("agent.yaml", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mistakes reads a file that must be wrong.
func mistakes(t *testing.T, name, text string) Mistakes {
	t.Helper()
	_, err := Parse(name, []byte(text), env)
	found, ok := errors.AsType[Mistakes](err)
	if !ok {
		t.Fatalf("got error %v (%T), want Mistakes", err, err)
	}
	return found
}

func TestEveryKey(t *testing.T) {
	c := parse(t, `
agent: a
saga: s
step: x
after: [b, c]
when: results.b.ok
final: true
pivot: true
never_refuses: true
timeout: 11s
deadline: 12m
concurrency: 13
lease: 25s
retry_policy: {max_retries: 14, base_delay: 15s, max_delay: 16s, backoff_multiplier: 1.7, jitter_ratio: 0.18}
compensation_retry_policy: {max_retries: 19, base_delay: 20s, max_delay: 21s, backoff_multiplier: 2.2, jitter_ratio: 0.23}
rate_limit: {requests: 25, per: 26s, burst: 27}
circuit_breaker: {failures: 28, of: 29, open_for: 30s, successes: 31}
retry_after_holds: saga
fallback_agents: [d, e]
compensation_handler: undo-x
max_takeovers: 24
result_schema: {type: object}
command: [run, -v]
settings: {free: form}
`)
	want := Config{
		Agent: "a", Saga: "s", Step: "x", After: []string{"b", "c"}, Final: true, Pivot: true, NeverRefuses: true,
		Timeout: 11 * time.Second, Deadline: 12 * time.Minute, Concurrency: 13, Lease: 25 * time.Second,
		RetryPolicy:             RetryPolicy{14, 15 * time.Second, 16 * time.Second, 1.7, 0.18, true},
		CompensationRetryPolicy: RetryPolicy{19, 20 * time.Second, 21 * time.Second, 2.2, 0.23, true},
		RateLimit:               &RateLimit{25, 26 * time.Second, 27},
		CircuitBreaker:          &CircuitBreaker{Failures: 28, Of: 29, OpenFor: 30 * time.Second, Successes: 31},
		RetryAfterHolds:         HoldsSaga,
		FallbackAgents:          []string{"d", "e"}, CompensationHandler: "undo-x", MaxTakeovers: 24,
		ResultSchema: c.ResultSchema, When: c.When, Command: []string{"run", "-v"},
		settings: c.settings, source: c.source,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if got := string(c.ResultSchema.JSON()); got != `{"type":"object"}` {
		t.Errorf("result schema %s", got)
	}
	if got := c.When.String(); got != "results.b.ok" {
		t.Errorf("condition %s", got)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("what was read is not valid: %v", err)
	}
	// Every exported field that a key can set was set.
	for i, v := 0, reflect.ValueOf(c); i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !slices.Contains([]string{"StandIn", "TaskSchema", "Handler", "Compensation"}, name) {
			t.Errorf("field %s is not covered here", name)
		}
	}
}

func TestDefaults(t *testing.T) {
	want := Config{
		Agent: "a", Saga: "s", Step: "a",
		Timeout: 30 * time.Second, Deadline: 24 * time.Hour, Concurrency: 16, Lease: 30 * time.Second, MaxTakeovers: 5, RetryAfterHolds: HoldsInstance,
		RetryPolicy:             RetryPolicy{3, time.Second, 30 * time.Second, 2, 0.5, true},
		CompensationRetryPolicy: RetryPolicy{10, time.Second, 5 * time.Minute, 2, 0.5, true},
	}
	built := Config{Agent: "a", Saga: "s"}.WithDefaults()
	if !reflect.DeepEqual(built, want) {
		t.Errorf("built: got %+v, want %+v", built, want)
	}
	fromFile := parse(t, "agent: a\nsaga: s\n")
	fromFile.source = source{}
	if !reflect.DeepEqual(fromFile, want) {
		t.Errorf("read: got %+v, want %+v", fromFile, want)
	}
}

func TestAZeroThatIsMeantStays(t *testing.T) {
	for name, c := range map[string]Config{
		"read":  parse(t, "agent: a\nsaga: s\nretry_policy: {max_retries: 0, jitter_ratio: 0}\n"),
		"built": {Agent: "a", Saga: "s", RetryPolicy: RetryPolicy{BaseDelay: 1, MaxDelay: 1, Multiplier: 1}.Exactly()},
	} {
		once := c.WithDefaults()
		if once.RetryPolicy.MaxRetries != 0 || once.RetryPolicy.Jitter != 0 {
			t.Errorf("%s: defaults replaced a zero that was meant: %+v", name, once.RetryPolicy)
		}
		if twice := once.WithDefaults(); !reflect.DeepEqual(once, twice) {
			t.Errorf("%s: applied twice, the defaults give %+v, once %+v", name, twice, once)
		}
	}
	if p := (Config{RetryPolicy: RetryPolicy{MaxRetries: 7}}).WithDefaults().RetryPolicy; p.BaseDelay != time.Second || p.Jitter != 0.5 {
		t.Errorf("a policy with one field is not completed: %+v", p)
	}
}

func TestValidFiles(t *testing.T) {
	files, _ := filepath.Glob("testdata/valid/*.yaml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		if _, err := Load(file); err != nil {
			t.Error(err)
		}
	}
}

// TestWrongFiles compares the mistakes of each file with the text beside it.
func TestWrongFiles(t *testing.T) {
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := mistakes(t, file, string(text)).Error() + "\n"
			if strings.Contains(got, "hush") {
				t.Errorf("the value of a variable is told:\n%s", got)
			}
			got = strings.ReplaceAll(got, "testdata/wrong/", "")
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
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
		})
	}
}

func TestLoadTellsAMissingFile(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "load agent configuration") {
		t.Errorf("got %v", err)
	}
}

func TestNotUTF8(t *testing.T) {
	got := mistakes(t, "a.yaml", "agent: a\nsaga: ü\xff\n").Error()
	if want := "a.yaml:2:8: is not UTF-8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAt(t *testing.T) {
	c := parse(t, "agent: a\nsaga: s\nafter:\n  - b\n  - c\nretry_policy:\n  max_retries: 1\n")
	for path, want := range map[string]string{
		"agent":                    "agent.yaml:1:8",
		"after[1]":                 "agent.yaml:5:5",
		"after[7]":                 "agent.yaml:4:3",
		"retry_policy.max_retries": "agent.yaml:7:16",
		"retry_policy.base_delay":  "agent.yaml:7:3",
		"timeout":                  "agent.yaml:1:1",
	} {
		if got := c.At(path).String(); got != want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
	if got := (Config{}).At("agent"); got != (Place{}) {
		t.Errorf("built in Go, but at %v", got)
	}
}

func TestEntry(t *testing.T) {
	for name, test := range map[string]struct {
		c    Config
		want bool
	}{
		"begins with the task": {Config{}, true},
		"follows a step":       {Config{After: []string{"a"}}, false},
		"stands in":            {Config{StandIn: true}, false},
	} {
		if got := test.c.Entry(); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// TestValidate is about what is built in Go; the rules themselves are told by
// the files in testdata/wrong.
func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		c    Config
		want string
	}{
		"the least":  {Config{Agent: "a", Saga: "s"}, ""},
		"nothing":    {Config{}, "agent: is required\nsaga: is required"},
		"a stand-in": {Config{Agent: "a", Saga: "s", Step: "b", StandIn: true}, ""},
		"a stand-in with a condition": {Config{Agent: "a", Saga: "s", Step: "b", StandIn: true, When: when.MustCompile("true")},
			"when: a stand-in has no condition: it was judged before the step was handed over"},
		"a stand-in of nothing": {Config{Agent: "a", Saga: "s", StandIn: true}, "step: is required of a stand-in: it performs another agent's step"},
		"negative":              {Config{Agent: "a", Saga: "s", Concurrency: -1}, "concurrency: must be at least 1, is -1"},
		"follows itself":        {Config{Agent: "a", Saga: "s", After: []string{"a"}}, `after[0]: "a" is this agent's own step: it would wait for itself`},
		"exactly nothing": {Config{Agent: "a", Saga: "s", RetryPolicy: RetryPolicy{}.Exactly()},
			"retry_policy.base_delay: must be more than 0, is 0s\nretry_policy.max_delay: must be more than 0, is 0s\nretry_policy.backoff_multiplier: must be between 1 and 1000000, is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := test.c.Validate(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestInWhen(t *testing.T) {
	c := parse(t, "agent: a\nsaga: s\nwhen: |\n  task.x == 1 &&\n    results.a.ok\n")
	for offset, want := range map[int]string{
		0: "agent.yaml:4:3", 17: "agent.yaml:5:5", 1000: "agent.yaml:5:17", -1: "agent.yaml:4:3",
	} {
		if got := c.InWhen(offset).String(); got != want {
			t.Errorf("character %d is at %s, want %s", offset, got, want)
		}
	}
	if got := parse(t, "agent: a\nsaga: s\n").InWhen(3).String(); got != "agent.yaml:1:1" {
		t.Errorf("without a condition: %s", got)
	}
	if got := (Config{When: when.MustCompile("true")}).InWhen(1); got != (Place{}) {
		t.Errorf("built in Go, but at %v", got)
	}
}
