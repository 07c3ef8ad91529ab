package when_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/when"
)

const task = `{"country": "DE", "n": 5, "half": 0.5, "name": "hush", "list": [1, 2, 3], "nothing": null, "yes": true, "by": {"key": "hush"}}`

var results = map[string]json.RawMessage{
	"risk-scoring": json.RawMessage(`{"score": 0.25, "whole": 1}`),
	"silent":       nil,
	"text":         json.RawMessage(`"hush"`),
}

func TestHolds(t *testing.T) {
	for text, want := range map[string]bool{
		`results["risk-scoring"].score < 0.5 && task.country == "DE"`: true,
		`results["risk-scoring"].score < 1`:                           true, // a double and a whole number
		`results["risk-scoring"].whole < 1`:                           false,
		`results["risk-scoring"].whole == 1`:                          true,
		`results["risk-scoring"].whole == 1.0`:                        true,
		`task.n == 5 && task.n > 4.5 && task.half < 1`:                true,
		`task.n in [1, 5]`:                                            true,
		`task.n * 2.0 > 9`:                                            true,
		`int(task.n) % 2 == 1`:                                        true,
		`task.list[0] == 1 && task.list.size() == 3`:                  true,
		`task.list.exists(x, x > 2) && task.list.all(x, x < 4)`:       true,
		`task.nothing == null`:                                        true,
		`task.yes`:                                                    true, // known to be true or false only now
		`has(task.missing) && task.missing > 1`:                       false,
		`task.missing > 1 && has(task.missing)`:                       false,
		`"other" in results && results.other.x == 1`:                  false,
		`has(results.other) || task.n == 5`:                           true,
		`"silent" in results && results.silent == null`:               true,
		`results.text == task.name`:                                   true,
		`results[task.by.key + ""] == null || true`:                   true,
		`results.exists(step, step == "silent")`:                      true,
		`results.size() == 3`:                                         true,
		`true`:                                                        true,
	} {
		t.Run(text, func(t *testing.T) {
			c, err := when.Compile(text)
			require.NoError(t, err)
			got, err := c.Holds(t.Context(), json.RawMessage(task), results)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, text, c.String())
		})
	}
}

// TestCannotBeEvaluated: the error says where and why, and quotes no value.
func TestCannotBeEvaluated(t *testing.T) {
	for text, want := range map[string]string{
		`task.missing.x == 1`:                                      `task.missing.x: there is no "missing" (hint: ask before with has(...) or in)`,
		`results["risk-scoring"].scor < 1`:                         `results["risk-scoring"].scor: there is no "scor" (hint: ask before with has(...) or in)`,
		`results["second-opinion"].score < 1`:                      `results["second-opinion"].score: there is no "second-opinion" (hint: ask before with has(...) or in)`,
		`results[task.name].x == 1`:                                `results[task.name].x: there is no such key (hint: ask before with in)`,
		`task.list.exists(x, x.foo == 1)`:                          `x.foo: there is no "foo" (hint: ask before with has(...) or in)`,
		`task.name < 1`:                                            `task.name < 1: a value is of another type than this wants`,
		`task.nothing < 1`:                                         `task.nothing < 1: a value is of another type than this wants`,
		`int(task.name) == 1`:                                      `int(task.name): a value is of another type than this wants`,
		`timestamp(task.name) < timestamp("2026-01-01T00:00:00Z")`: `timestamp(task.name): it can't be evaluated`,
		`"x".matches(task.name + "(")`:                             `"x".matches(task.name + "("): it can't be evaluated`,
		`task.list[7] == 1`:                                        `task.list[7]: the list is shorter`,
		`int(task.n) / (int(task.n) - 5) == 1`:                     `int(task.n) / (int(task.n) - 5): division by zero`,
		`task.name`:                                                `task.name says string, not true or false`,
		`"other" in results || results.other.x`:                    `results.other.x: there is no "other" (hint: ask before with has(...) or in)`,
		`task.n > 9223372036854775807 || int(task.n * 1e300) == 1`: `int(task.n * 1e+300): the number is too large`,
		`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, [1,2,3,4,5,6,7,8,9].all(f, a + b + c + d + e + f > 0))))))`: `it is given up: it costs more than 1000000 steps`,
	} {
		t.Run(text, func(t *testing.T) {
			c, err := when.Compile(text)
			require.NoError(t, err)
			_, err = c.Holds(t.Context(), json.RawMessage(task), results)
			require.EqualError(t, err, want)
			require.NotContains(t, err.Error(), "hush")
		})
	}
}

func TestUnreadable(t *testing.T) {
	c := when.MustCompile(`results.a.x == 1 && task.y == 2`)
	_, err := c.Holds(t.Context(), json.RawMessage(`{"hush`), nil)
	require.EqualError(t, err, "the task can't be read: it is no JSON, or a number in it is too large")
	_, err = c.Holds(t.Context(), nil, map[string]json.RawMessage{"a": json.RawMessage(`{"x": 4711e999}`)})
	require.EqualError(t, err, `the result of step "a" can't be read: it is no JSON, or a number in it is too large`)
	// What is not looked at may be anything.
	holds, err := when.MustCompile(`!has(results.b)`).Holds(t.Context(), json.RawMessage(`{`), nil)
	require.NoError(t, err)
	require.True(t, holds)
	holds, err = when.MustCompile(`"a" in results`).Holds(t.Context(), nil, map[string]json.RawMessage{"a": json.RawMessage(`{`)})
	require.NoError(t, err)
	require.True(t, holds)
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := when.MustCompile(`task.list.exists(x, x == 0)`).Holds(ctx, json.RawMessage(`{"list": [1, 2]}`), nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNone(t *testing.T) {
	var c *when.Condition
	holds, err := c.Holds(t.Context(), nil, nil)
	require.NoError(t, err)
	require.True(t, holds)
	require.Empty(t, c.String())
	require.Empty(t, c.Reads())
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`results.risk-scoring.score < 1`: `at character 14: scoring is not known: a name with a hyphen stands in brackets, results["risk-scoring"]`,
		`score < 1`:                      `at character 1: score is not known: a condition reads task and results`,
		`task.a = 1`:                     `at character 8: does not read as an expression: token recognition error at: '= '; == compares`,
		`task.a > 1 and task.b < 2`:      `at character 12: does not read as an expression: mismatched input 'and' expecting <EOF>; write && for and, || for or, ! for not`,
		`task.n + 1 == 6`:                `at character 8: a number of JSON is a double: write a whole number beside it as 1.0`,
		`size(task.list) * task.n > 6`:   `at character 17: a number of JSON is a double: write a whole number beside it as 1.0`,
		`task.n + 1.0 == 6`:              `at character 14: == does not take double, int: write a whole number beside a double as 1.0`,
		`task.n % 2 == 0`:                `at character 8: a number of JSON is a double, which has no remainder: write int(...)`,
		`task.n - "x" == 1`:              `at character 8: - does not take dyn, string`,
		`size(task)`:                     `at character 1: must say true or false, says int`,
		`"yes"`:                          `at character 1: must say true or false, says string`,
		`foo && bar`:                     `at character 1: foo is not known: a condition reads task and results; at character 8: bar is not known: a condition reads task and results`,
		"task.a == \"größe\" &&\n  task.b == g": `at character 34: g is not known: a condition reads task and results`,
		`has(results["risk-scoring"])`:          `at character 12: has wants a name behind a point, as in has(task.x); of one in brackets ask "x" in results`,
		`task.name.matches("(")`:                "at character 19: invalid matches argument",
		``:                                      `at character 1: is empty`,
	} {
		t.Run(text, func(t *testing.T) {
			_, err := when.Compile(text)
			require.ErrorAs(t, err, new(when.Faults))
			require.EqualError(t, err, want)
		})
	}
}

func TestTooLong(t *testing.T) {
	_, err := when.Compile(strings.Repeat("true && ", when.MaxText/8) + "true")
	require.EqualError(t, err, "at character 1: is too long: at most 4096 characters")
	_, err = when.Compile(strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000))
	require.EqualError(t, err, "at character 1: expression recursion limit exceeded: 250")
	require.Panics(t, func() { when.MustCompile("1") })
}

func TestReads(t *testing.T) {
	for text, want := range map[string]string{
		`task.a == 1`:                           "",
		`results.a.x == 1`:                      "a@0",
		`task.x == 1 && results["b-c"].x == 1`:  "b-c@15",
		`"a" in results`:                        "a@0 asked",
		`has(results.a)`:                        "a@4 asked",
		`has(results.a.x)`:                      "a@4",
		`"a" in results && results.a.x == 1`:    "a@0 asked, a@18 asked",
		`results.a.x == 1 && "a" in results`:    "a@0 asked, a@20 asked",
		`"a" in results || results.a.x == 1`:    "a@0 asked, a@18",
		`!("a" in results) || results.a.x == 1`: "a@2 asked, a@21 asked",
		`!has(results.a) || !("b" in results) || results.a.x == results.b.x`: "a@5 asked, b@21 asked, a@40 asked, b@55 asked",
		`"a" in results ? results.a.x == 1 : results.a.y == 1`:               "a@0 asked, a@17 asked, a@36",
		`("a" in results || task.x) && results.a.x == 1`:                     "a@1 asked, a@30",
		`("a" in results || has(results.a)) && results.a.x`:                  "a@1 asked, a@23 asked, a@38 asked",
		`!("a" in results && task.x) || results.a.x == 1`:                    "a@2 asked, a@31 asked",
		`task.list.exists(x, x == results.a.y)`:                              "a@25",
		`"a" in results && task.list.all(x, x == results.a.y)`:               "a@0 asked, a@40 asked",
		`results[task.name].x == 1`:                                          "",
		`{"k": results.a}.size() == [results.b].size()`:                      "a@6, b@28",
	} {
		t.Run(text, func(t *testing.T) {
			c, err := when.Compile(text)
			require.NoError(t, err)
			var got []string
			for _, r := range c.Reads() {
				s := fmt.Sprintf("%s@%d", r.Step, r.Offset)
				if r.Guarded {
					s += " asked"
				}
				got = append(got, s)
			}
			require.Equal(t, want, strings.Join(got, ", "))
		})
	}
}

// FuzzCompile: whatever the text, there is a condition or there are faults
// within it, and whatever the condition, it ends, and its errors quote nothing
// of what it reads.
func FuzzCompile(f *testing.F) {
	f.Add(`results["risk-scoring"].score < 0.5 && task.country == "DE"`)
	f.Add(`task.list.exists(x, results[task.name].y == x) ? task.n % 2 : !has(results.a.b)`)
	f.Add("task.a = 1 and\n\tb")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := when.Compile(text)
		if faults, ok := errors.AsType[when.Faults](err); ok {
			for _, fault := range faults {
				if fault.Offset < 0 || fault.Offset > len([]rune(text)) || fault.Text == "" {
					t.Errorf("fault %+v in %d characters", fault, len([]rune(text)))
				}
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Holds(t.Context(), json.RawMessage(task), results)
		if err != nil && strings.Contains(err.Error(), "hush") && !strings.Contains(text, "hush") {
			t.Error(err)
		}
		c.Reads()
	})
}

func BenchmarkHolds(b *testing.B) {
	large := `{"country": "DE", "text": "` + strings.Repeat("x", 500<<10) + `"}`
	for _, bench := range []struct{ name, text, task string }{
		{"two comparisons", `results["risk-scoring"].score < 0.5 && task.country == "DE"`, task},
		{"task of 500 KiB", `task.country == "DE"`, large},
		{"only results", `results["risk-scoring"].score < 0.5`, large},
		{"exists over 1000", `task.exists(x, x == 1)`, "[" + strings.Repeat("2, ", 999) + "2]"},
		{"until the limit", `task.all(x, task.all(y, x == y))`, "[" + strings.Repeat("2, ", 999) + "2]"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := when.MustCompile(bench.text)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Holds(b.Context(), json.RawMessage(bench.task), results)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		when.MustCompile(`results["risk-scoring"].score < 0.5 && task.country == "DE"`)
	}
}

func ExampleCondition_Holds() {
	c := when.MustCompile(`"second-opinion" in results ? results["second-opinion"].ok : task.amount < 100`)
	holds, err := c.Holds(context.Background(), json.RawMessage(`{"amount": 50}`), nil)
	fmt.Println(holds, err)
	// Output: true <nil>
}
