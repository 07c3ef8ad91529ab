package lint

import (
	"cmp"
	"fmt"

	"github.com/unwind-saga/unwind/saga/config"
)

// checkConditions: a condition reads what there is when it is judged.
func (w *workflow) checkConditions() {
	for _, step := range w.steps {
		p := w.primary[step]
		told := map[string]bool{}
		for _, read := range p.When.Reads() {
			before := w.primary[read.Step]
			switch at := p.InWhen(read.Offset); {
			case told[read.Step]:
			case w.path(step, read.Step) == nil:
				told[read.Step] = true
				w.tellUnknownResult(p, read.Step, at)
			case before.When != nil && !read.Guarded:
				told[read.Step] = true
				w.tell(UnguardedResult, at, fmt.Sprintf("ask before: %q in results && ...", read.Step),
					"saga %s would turn back whenever step %s is skipped: the condition of step %s reads its result without asking whether there is one",
					w.typ, read.Step, step)
			}
		}
	}
}

func (w *workflow) tellUnknownResult(a config.Config, read string, at config.Place) {
	why := "which nobody plays"
	if _, ok := w.players[read]; ok {
		why = "which is not before it"
	}
	hint := "it begins with the task, and may read that alone"
	if len(a.After) > 0 {
		var before []string
		for _, other := range w.steps {
			if other != a.Step && w.path(a.Step, other) != nil {
				before = append(before, other)
			}
		}
		hint = "before it: " + cmp.Or(names(before), "no step that anybody plays")
	}
	w.tell(UnknownResult, at, hint, "the condition of step %s of saga %s reads the result of step %s, %s: there will never be one",
		a.Step, w.typ, read, why)
}
