package when

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// A Read is a place where an expression looks at a step's result.
type Read struct {
	Step    string
	Offset  int  // of the place, in characters
	Guarded bool // the expression asks before whether there is one, or does nothing but ask
}

// Reads lists where the expression looks at the result of a step that it names.
// Which one a computed name leads to, as in results[task.name], is known only
// when it is evaluated.
func (c *Condition) Reads() []Read {
	if c == nil {
		return nil
	}
	return slices.Clone(c.reads)
}

// known are the steps that are known to have a result at a place of the
// expression.
type known map[string]bool

func (k known) and(more known) known {
	all := maps.Clone(k)
	maps.Copy(all, more)
	return all
}

func (k known) both(other known) known {
	common := known{}
	for step := range k {
		if other[step] {
			common[step] = true
		}
	}
	return common
}

func (c *Condition) findReads() {
	c.visit(c.ast.Expr(), known{})
	slices.SortStableFunc(c.reads, func(a, b Read) int { return a.Offset - b.Offset })
}

// visit finds the reads of a part of the expression, with what is known when it
// is evaluated. Both sides of && and || know what the other one asks: an error
// does not count where the other side decides.
func (c *Condition) visit(e ast.Expr, k known) {
	if step, at, ok := c.named(e); ok {
		asks := e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() || isCall(e, operators.In)
		c.reads = append(c.reads, Read{Step: step, Offset: c.offset(at), Guarded: asks || k[step]})
		c.values[step] = c.values[step] || !asks
		return
	}
	switch e.Kind() {
	case ast.IdentKind:
		c.all = c.all || e.AsIdent() == "results"
		c.task = c.task || e.AsIdent() == "task"
	case ast.SelectKind:
		c.visit(e.AsSelect().Operand(), k)
	case ast.CallKind:
		c.visitCall(e.AsCall(), k)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			c.visit(item, k)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			c.visit(entry.AsMapEntry().Key(), k)
			c.visit(entry.AsMapEntry().Value(), k)
		}
	case ast.ComprehensionKind:
		l := e.AsComprehension()
		for _, part := range []ast.Expr{l.IterRange(), l.AccuInit(), l.LoopCondition(), l.LoopStep(), l.Result()} {
			c.visit(part, k)
		}
	}
}

func (c *Condition) visitCall(call ast.CallExpr, k known) {
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		decided := call.FunctionName() == operators.LogicalAnd
		for i, arg := range args {
			here := k
			for j, other := range args {
				if i != j {
					here = here.and(c.learn(other, decided))
				}
			}
			c.visit(arg, here)
		}
	case operators.Conditional:
		c.visit(args[0], k)
		c.visit(args[1], k.and(c.learn(args[0], true)))
		c.visit(args[2], k.and(c.learn(args[0], false)))
	default:
		if call.IsMemberFunction() {
			c.visit(call.Target(), k)
		}
		for _, arg := range args {
			c.visit(arg, k)
		}
	}
}

// learn says which steps have a result if a part of the expression is true, or
// false.
func (c *Condition) learn(e ast.Expr, is bool) known {
	if step, _, ok := c.named(e); ok {
		if is && (isCall(e, operators.In) || e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly()) {
			return known{step: true}
		}
		return known{}
	}
	switch {
	case isCall(e, operators.LogicalNot):
		return c.learn(e.AsCall().Args()[0], !is)
	case isCall(e, operators.LogicalAnd), isCall(e, operators.LogicalOr):
		var learnt known
		for i, arg := range e.AsCall().Args() {
			switch of := c.learn(arg, is); {
			case i == 0:
				learnt = of
			case isCall(e, operators.LogicalAnd) == is: // all of them are so
				learnt = learnt.and(of)
			default: // one of them is
				learnt = learnt.both(of)
			}
		}
		return learnt
	default:
		return known{}
	}
}

// named recognises results.step, results["step"], has(results.step) and
// "step" in results. It returns the step, and the part that says results.
func (c *Condition) named(e ast.Expr) (step string, at ast.Expr, ok bool) {
	results := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "results" }
	text := func(e ast.Expr) (string, bool) {
		if e.Kind() != ast.LiteralKind {
			return "", false
		}
		s, ok := e.AsLiteral().(types.String)
		return string(s), ok
	}
	switch {
	case e.Kind() == ast.SelectKind && results(e.AsSelect().Operand()):
		return e.AsSelect().FieldName(), e.AsSelect().Operand(), true
	case isCall(e, operators.Index) && results(e.AsCall().Args()[0]):
		step, ok = text(e.AsCall().Args()[1])
		return step, e.AsCall().Args()[0], ok
	case isCall(e, operators.In) && results(e.AsCall().Args()[1]):
		step, ok = text(e.AsCall().Args()[0])
		return step, e.AsCall().Args()[0], ok
	default:
		return "", nil, false
	}
}

func isCall(e ast.Expr, function string) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == function
}
