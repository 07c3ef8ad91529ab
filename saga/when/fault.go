package when

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// A Fault is one thing that is wrong with an expression.
type Fault struct {
	Offset int    // from its start, in characters
	Text   string // what is wrong, and what may help
}

// Faults are all that is wrong with an expression, in its order.
type Faults []Fault

// Error prints them, each with its place counted from 1.
func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, one := range f {
		parts[i] = fmt.Sprintf("at character %d: %s", one.Offset+1, one.Text)
	}
	return strings.Join(parts, "; ")
}

var errUnreadable = errors.New("it is no JSON, or a number in it is too large")

// faultsOf reads what the compiler says. After a syntax error it tells what
// follows from that one too; only the first is worth telling.
func faultsOf(text string, issues *cel.Issues) error {
	if issues.Err() == nil {
		return nil
	}
	var found Faults
	for _, e := range issues.Errors() {
		if len(found) > 0 && strings.HasPrefix(e.Message, syntax) {
			break
		}
		found = append(found, Fault{Offset: offset(text, e.Location.Line(), e.Location.Column()), Text: reword(text, e.Message)})
	}
	slices.SortStableFunc(found, func(a, b Fault) int { return a.Offset - b.Offset })
	return found
}

// offset counts the characters before a line, from 1, and a column, from 0.
func offset(text string, line, column int) int {
	for l := range strings.Lines(text) {
		if line--; line < 1 {
			break
		}
		column += len([]rune(l))
	}
	return max(column, 0)
}

const syntax = "Syntax error: "

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '\(?(.*?)\)?'$`)
	hyphenated = regexp.MustCompile(`\bresults\.([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`)
	words      = regexp.MustCompile(`input '(and|or|not)'`)
	expecting  = regexp.MustCompile(` expecting \{.*`) // a list of all there is
)

// reword says in our words what people get wrong most, and what may help.
func reword(text, message string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		for _, h := range hyphenated.FindAllStringSubmatch(text, -1) {
			if slices.Contains(strings.Split(h[1], "-")[1:], m[1]) {
				return fmt.Sprintf("%s is not known: a name with a hyphen stands in brackets, results[%q]", m[1], h[1])
			}
		}
		return m[1] + " is not known: a condition reads task and results"
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		said := fmt.Sprintf("%s does not take %s", strings.Trim(strings.ReplaceAll(m[1], "_", " "), " @"), m[2])
		if strings.Contains(m[2], "double") && strings.Contains(m[2], "int") {
			said += ": write a whole number beside a double as 1.0"
		}
		return said
	}
	if said, ok := strings.CutPrefix(message, syntax); ok {
		said = "does not read as an expression: " + expecting.ReplaceAllString(said, "")
		switch {
		case strings.HasSuffix(said, "error at: '= '"):
			return said + "; == compares"
		case words.MatchString(said):
			return said + "; write && for and, || for or, ! for not"
		}
		return said
	}
	if strings.HasPrefix(message, "invalid argument to has()") {
		return `has wants a name behind a point, as in has(task.x); of one in brackets ask "x" in results`
	}
	if strings.HasPrefix(message, "expression code point size") {
		return fmt.Sprintf("is too long: at most %d characters", MaxText)
	}
	return strings.ToLower(message[:1]) + message[1:]
}

// mixed finds arithmetic between a number of JSON, which is a double, and a
// whole number: it compiles, and fails whenever it is evaluated.
func (c *Condition) mixed() Faults {
	var found Faults
	whole := func(e ast.Expr) bool {
		t := c.ast.GetType(e.ID())
		return t.IsExactType(types.IntType) || t.IsExactType(types.UintType)
	}
	free := func(e ast.Expr) bool { return c.ast.GetType(e.ID()).IsExactType(types.DynType) }
	ast.PreOrderVisit(c.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		a, b := e.AsCall().Args()[0], e.AsCall().Args()[1]
		switch e.AsCall().FunctionName() {
		case operators.Modulo:
			if free(a) || free(b) {
				found = append(found, Fault{c.offset(e), "a number of JSON is a double, which has no remainder: write int(...)"})
			}
		case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
			if free(a) && whole(b) || whole(a) && free(b) {
				found = append(found, Fault{c.offset(e), "a number of JSON is a double: write a whole number beside it as 1.0"})
			}
		}
	}))
	return found
}

// offset is where a part of the expression stands.
func (c *Condition) offset(e ast.Expr) int {
	at, _ := c.ast.SourceInfo().GetOffsetRange(e.ID())
	return int(at.Start)
}

// explain says why an evaluation failed: the part of the expression, and what
// is wrong there. The evaluator's own text may quote a value, so of that only
// what can't is taken.
func (c *Condition) explain(err error) error {
	if errors.As(err, new(interpreter.EvalCancelledError)) {
		return fmt.Errorf("it is given up: it costs more than %d steps", MaxCost)
	}
	part, e := c.text, c.ast.Expr()
	if at, ok := errors.AsType[*types.Err](err); ok {
		ast.PreOrderVisit(e, ast.NewExprVisitor(func(n ast.Expr) {
			if n.ID() == at.NodeID() {
				e = n
			}
		}))
		if text, err := cel.ExprToString(e, c.ast.SourceInfo()); err == nil {
			part = text
		}
	}
	return fmt.Errorf("%s: %s", clip(part), c.cause(e, err.Error()))
}

// cause is what of an evaluator's text names no value.
func (c *Condition) cause(e ast.Expr, text string) string {
	if key, ok := strings.CutPrefix(text, "no such key: "); ok {
		if spells(e, key) {
			return fmt.Sprintf("there is no %q (hint: ask before with has(...) or in)", key)
		}
		return "there is no such key (hint: ask before with in)"
	}
	for prefix, said := range map[string]string{
		"no such overload":      "a value is of another type than this wants",
		"type conversion error": "a value is of another type than this wants",
		"index out of bounds":   "the list is shorter",
		"division by zero":      "division by zero",
		"modulus by zero":       "division by zero",
		"integer overflow":      "the number is too large",
	} {
		if strings.HasPrefix(text, prefix) {
			return said
		}
	}
	return "it can't be evaluated"
}

// spells reports whether a part of the expression itself names a key. Any other
// key came out of a payload.
func spells(e ast.Expr, key string) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(n ast.Expr) {
		switch n.Kind() {
		case ast.SelectKind:
			found = found || n.AsSelect().FieldName() == key
		case ast.LiteralKind:
			found = found || n.AsLiteral().Equal(types.String(key)) == types.True
		}
	}))
	return found
}

// clip shortens a part of an expression, for it ends up in an event.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
