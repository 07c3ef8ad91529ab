package casefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// The documents of a saga, of which a path names a part.
const (
	taskRoot    = "task"    // what upstream submitted
	resultsRoot = "results" // what a step answered: results, the step, and a part of it
	undoRoot    = "undo"    // what undoing a step needs
	errorsRoot  = "errors"  // the text of errors, and answers that were no good
)

// anyKey stands in a path for every key of an object, and every place of a list.
const anyKey = "*"

// A path names values in one document of a saga.
type path struct {
	text, root, step string
	keys             []string
}

// parsePath reads /task/applicant/name, or task.applicant.name.
func parsePath(text string) (path, error) {
	p := path{text: text}
	var keys []string
	if rest, ok := strings.CutPrefix(text, "/"); ok {
		keys = strings.Split(rest, "/")
		for i, k := range keys { // as RFC 6901 has it
			keys[i] = strings.ReplaceAll(strings.ReplaceAll(k, "~1", "/"), "~0", "~")
		}
	} else {
		keys = strings.Split(strings.TrimPrefix(text, "."), ".")
	}
	p.root, keys = keys[0], keys[1:]
	switch {
	case slices.Contains(keys, ""):
		return p, fmt.Errorf("path %q: a key is empty", text)
	case p.root == taskRoot:
	case p.root == errorsRoot && len(keys) == 0:
	case (p.root == resultsRoot || p.root == undoRoot) && len(keys) > 0:
		if p.step, keys = keys[0], keys[1:]; p.step != anyKey {
			if err := events.ValidStep(p.step); err != nil {
				return p, fmt.Errorf("path %q: %w", text, err)
			}
		}
	default:
		return p, fmt.Errorf("path %q: want /task/..., /results/<step>/..., /undo/<step>/... or /errors", text)
	}
	p.keys = keys
	return p, nil
}

// of reports whether the path names a part of a step's document.
func (p path) of(root, step string) bool {
	return p.root == root && (p.step == step || p.step == anyKey)
}

// change calls f with each value that the keys name, puts what it returns in its
// place, and returns the document.
func change(doc any, keys []string, f func(any) any) any {
	if len(keys) == 0 {
		return f(doc)
	}
	switch v := doc.(type) {
	case map[string]any:
		for k, old := range v {
			if keys[0] == k || keys[0] == anyKey {
				v[k] = change(old, keys[1:], f)
			}
		}
	case []any:
		for i, old := range v {
			if keys[0] == strconv.Itoa(i) || keys[0] == anyKey {
				v[i] = change(old, keys[1:], f)
			}
		}
	}
	return doc
}

// leaves calls f with each value in a document that is no object and no list, and
// puts what it returns in its place.
func leaves(doc any, f func(any) any) any {
	switch v := doc.(type) {
	case map[string]any:
		for k, old := range v {
			v[k] = leaves(old, f)
		}
		return v
	case []any:
		for i, old := range v {
			v[i] = leaves(old, f)
		}
		return v
	default:
		return f(doc)
	}
}
