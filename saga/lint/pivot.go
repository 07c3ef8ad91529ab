package lint

import "github.com/unwind-saga/unwind/saga/config"

// checkPivots: once the pivot is done the saga can't turn, so nothing that may
// be refused comes after it.
func (w *workflow) checkPivots() {
	for _, pivot := range w.steps {
		if !w.primary[pivot].Pivot {
			continue
		}
		for _, step := range w.steps {
			for _, a := range w.chain(step) {
				w.checkRefusal(pivot, a)
			}
		}
	}
}

func (w *workflow) checkRefusal(pivot string, a config.Config) {
	switch {
	case a.NeverRefuses || a.Step == pivot || w.path(pivot, a.Step) != nil:
		// It can't be refused, or only before.
	case w.path(a.Step, pivot) != nil:
		w.tell(RefusalAfter, a.At("after"), "do what can be refused before the pivot; if its program refuses nothing, say never_refuses: true",
			"saga %s could neither go on nor back if %s refused step %s: it follows %s, the pivot, after which the saga cannot turn",
			w.typ, a.Agent, a.Step, pivot)
	default:
		w.tell(RefusalBeside, a.At("after"), "let the pivot follow it; if its program refuses nothing, say never_refuses: true",
			"a person would have to see to saga %s if %s refused step %s after %s, the pivot, is done: they run side by side",
			w.typ, a.Agent, a.Step, pivot)
	}
}

// committed reports whether a step comes after a pivot: it is tried almost
// without end.
func (w *workflow) committed(step string) bool {
	for _, pivot := range w.steps {
		if w.primary[pivot].Pivot && pivot != step && w.path(step, pivot) != nil {
			return true
		}
	}
	return false
}
