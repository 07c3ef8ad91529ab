package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/config"
)

// checkGraph: the saga begins, comes to every step, and ends once.
func (w *workflow) checkGraph() {
	w.checkAfter()
	w.checkCycles()
	w.checkFinal()
	var entries []string
	for _, step := range w.steps {
		if w.primary[step].Entry() {
			entries = append(entries, step)
		}
	}
	if len(entries) > 1 {
		w.tell(SeveralEntries, config.Place{}, "if one of them should wait, name in its `after` what for",
			"saga %s begins with %d steps at once, %s: each starts on the task", w.typ, len(entries), names(entries))
	}
}

func (w *workflow) checkAfter() {
	for _, step := range w.steps {
		p := w.primary[step]
		for i, before := range p.After {
			if _, ok := w.players[before]; !ok {
				w.tell(UnknownStep, p.At(fmt.Sprintf("after[%d]", i)),
					"the steps are "+names(slices.Sorted(maps.Keys(w.players))),
					"step %s of saga %s would never begin: it waits for step %s, which nobody plays", step, w.typ, before)
			}
		}
	}
}

func (w *workflow) checkCycles() {
	told := map[string]bool{}
	for _, step := range w.steps {
		if told[step] {
			continue
		}
		path := w.path(step, step)
		for _, s := range path {
			told[s] = true
		}
		if path != nil {
			w.tell(Cycle, w.primary[step].At("after"), "remove one of them from an `after`",
				"steps of saga %s wait for each other, and would never begin: %s", w.typ, strings.Join(path, " waits for "))
		}
	}
}

// path is the shortest way from a step to one that comes before it, both
// included; nil if it does not.
func (w *workflow) path(from, to string) []string {
	follower := map[string]string{}
	queue := []string{from}
	for len(queue) > 0 {
		step := queue[0]
		queue = queue[1:]
		for _, before := range w.primary[step].After {
			if _, seen := follower[before]; seen {
				continue
			}
			follower[before] = step
			if before != to {
				queue = append(queue, before)
				continue
			}
			path := []string{to}
			for at := follower[to]; ; at = follower[at] {
				path = append(path, at)
				if at == from {
					slices.Reverse(path)
					return path
				}
			}
		}
	}
	return nil
}

// checkFinal: one step is final, and every other is before it.
func (w *workflow) checkFinal() {
	var finals []string
	for _, step := range w.steps {
		if w.primary[step].Final {
			finals = append(finals, step)
		}
	}
	switch {
	case len(w.steps) == 0:
		return // no step begins: told already
	case len(finals) == 0:
		w.tell(NoFinal, config.Place{}, "set final: true at the step that comes last",
			"saga %s would never complete: no step is final", w.typ)
		return
	case len(finals) > 1:
		w.tell(ManyFinals, w.primary[finals[1]].At("final"), "let one step follow all of them, and be the only final one",
			"saga %s would complete as soon as one of %s is done, whatever becomes of the others: %d steps are final",
			w.typ, names(finals), len(finals))
		return
	}
	final := finals[0]
	for _, step := range w.steps {
		switch p := w.primary[step]; {
		case step == final || w.path(final, step) != nil:
			// It comes before.
		case w.path(step, final) != nil:
			w.tell(AfterFinal, p.At("after"), fmt.Sprintf("set final: true at the step that comes last, instead of at %s", final),
				"step %s of saga %s would be refused: it follows %s, with which the saga ends", step, w.typ, final)
		default:
			w.tell(LooseStep, p.At("step"), fmt.Sprintf("let %s, or a step before it, name %s in its `after`", final, step),
				"saga %s may complete while step %s still works, or before it begins: the final step, %s, does not wait for it",
				w.typ, step, final)
		}
	}
}
