package sagatest

import (
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/saga/when"
)

// fields splits a line into words at its blanks. What stands between ' after a
// = is one word: when='task.seat == "12A"'.
func fields(line string) []string {
	before, rest, ok := strings.Cut(line, "='")
	inside, rest, closed := strings.Cut(rest, "'")
	if !ok || !closed || strings.TrimSpace(before) == "" {
		return strings.Fields(line)
	}
	words := strings.Fields(before)
	words[len(words)-1] += "=" + inside
	return append(words, fields(rest)...)
}

// configure gives an agent another condition, with which it starts the next
// time that it does: configure NAME when=EXPR, or when= for none.
func (s *Stage) configure(name, word string) error {
	text, ok := strings.CutPrefix(word, "when=")
	if !ok {
		return fmt.Errorf("configure %s: want when=EXPR, not %q", name, word)
	}
	var condition *when.Condition
	if text != "" {
		var err error
		if condition, err = when.Compile(text); err != nil {
			return err
		}
	}
	found := false
	for _, p := range s.players {
		if p.is(name) {
			found = true
			p.mu.Lock()
			p.when = condition
			p.mu.Unlock()
		}
	}
	if !found {
		return fmt.Errorf("no agent %q", name)
	}
	return nil
}
