package when

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
)

const (
	// MaxText is how many characters an expression may have.
	MaxText = 4096
	// MaxCost is how much an evaluation may cost, in CEL's own measure: about
	// one for each operation, and for each ten characters of text looked through.
	MaxCost = 1_000_000
)

// interruptEvery is after how many rounds of a macro such as exists the context
// is looked at.
const interruptEvery = 100

// A Condition is a compiled expression. It is safe for concurrent use. A nil
// one always holds.
type Condition struct {
	text    string
	ast     *ast.AST
	program cel.Program
	reads   []Read
	values  map[string]bool // the steps whose results themselves are looked at
	all     bool            // which ones is known only when it is evaluated
	task    bool            // the task is looked at
}

var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("task", cel.DynType),
		cel.Variable("results", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableMacroCallTracking(), // so that a part of it can be printed
		cel.ParserExpressionSizeLimit(MaxText),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals()),
	)
})

// Compile reads an expression and checks its types. What is wrong with it is
// told as [Faults].
func Compile(text string) (*Condition, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("prepare the language of conditions: %w", err)
	}
	if strings.TrimSpace(text) == "" {
		return nil, Faults{{Text: "is empty"}}
	}
	checked, issues := env.Compile(text)
	if err := faultsOf(text, issues); err != nil {
		return nil, err
	}
	c := &Condition{text: text, ast: checked.NativeRep(), values: map[string]bool{}}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, Faults{{Text: fmt.Sprintf("must say true or false, says %s", t)}}
	}
	if found := c.mixed(); len(found) > 0 {
		return nil, found
	}
	c.program, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(MaxCost), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, Faults{{Text: err.Error()}}
	}
	c.findReads()
	return c, nil
}

// MustCompile is [Compile] for conditions of agents that are built in Go. It
// panics where Compile has an error.
func MustCompile(text string) *Condition {
	c, err := Compile(text)
	if err != nil {
		panic(fmt.Sprintf("when %q: %v", text, err))
	}
	return c
}

// String is the expression as it was written; empty for a nil Condition.
func (c *Condition) String() string {
	if c == nil {
		return ""
	}
	return c.text
}

// Holds evaluates the condition for a task and the results of the steps before,
// by step. It ends with ctx. Any error means that the condition can't be
// evaluated, and quotes no value.
func (c *Condition) Holds(ctx context.Context, task json.RawMessage, results map[string]json.RawMessage) (bool, error) {
	if c == nil {
		return true, nil
	}
	read := map[string]any{}
	for step, result := range results {
		read[step] = nil // that it is there is enough for most
		if c.Needs(step) {
			v, err := decode(result)
			if err != nil {
				return false, fmt.Errorf("the result of step %q can't be read: %w", step, err)
			}
			read[step] = v
		}
	}
	var submitted any
	if c.task {
		var err error
		if submitted, err = decode(task); err != nil {
			return false, fmt.Errorf("the task can't be read: %w", err)
		}
	}
	out, _, err := c.program.ContextEval(ctx, map[string]any{"task": submitted, "results": read})
	if ctx.Err() != nil {
		return false, fmt.Errorf("evaluate a condition: %w", context.Cause(ctx))
	}
	if err != nil {
		return false, c.explain(err)
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%s says %s, not true or false", c.text, out.Type().TypeName())
	}
	return holds, nil
}

// Needs reports whether the condition looks into the result of a step. Of the
// others it is enough that they are there, with whatever value.
func (c *Condition) Needs(step string) bool { return c != nil && (c.all || c.values[step]) }

// decode reads JSON; what is not there is null. The decoder's own error would
// quote what it has read.
func decode(text json.RawMessage) (v any, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, errUnreadable
	}
	return v, nil
}
