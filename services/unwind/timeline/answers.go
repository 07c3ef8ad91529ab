package timeline

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// mostAnswers is how many are told of each step, the last ones: who looks for
// all of them has them as JSON.
const mostAnswers = 3

// Answers tells of each failure whose answer was kept what was wrong with it,
// and how it began; all that was kept of it if the options say so.
func Answers(s *saga.State, o Options) []string {
	var lines []string
	for _, st := range s.Steps {
		var told []saga.Attempt
		for _, a := range st.Attempts {
			if a.Failure != nil && a.Failure.Raw != nil {
				told = append(told, a)
			}
		}
		if more := len(told) - mostAnswers; more > 0 {
			lines = append(lines, o.Ink.Paint(ink.Quiet, fmt.Sprintf("%s: %s before", st.Name, count(more, "answer"))))
			told = told[more:]
		}
		for _, a := range told {
			lines = append(lines, answer(st.Name, a, o)...)
		}
	}
	return lines
}

func answer(step string, a saga.Attempt, o Options) []string {
	f, in := a.Failure, o.Ink
	who := fmt.Sprintf("%s, attempt %d", step, a.N)
	if f.Agent != step {
		who += " by " + f.Agent
	}
	// The path in the JSON is what is looked for: it is wrapped, and not cut.
	what := ink.Clean(who + ": " + cmp.Or(f.Error.Message, f.Error.Code))
	lines := strings.Split(ink.Wrap(ink.Cut(what, 3*o.columns()), o.columns()), "\n")
	for i, line := range lines {
		lines[i] = in.Paint(ink.Bad, line)
	}
	rest := ""
	if f.Raw.Cut > 0 {
		rest = fmt.Sprintf(" … and %d bytes that were not kept", f.Raw.Cut)
	}
	if !o.Raw {
		text := ink.Cut("answered "+ink.Clean(f.Raw.Text), o.columns()-4-ink.Width(rest))
		return append(lines, "    "+in.Paint(ink.Quiet, text+rest))
	}
	for line := range strings.Lines(f.Raw.Text) {
		text := strings.TrimLeft(line, " \t")
		lines = append(lines, "    │ "+strings.Repeat(" ", len(line)-len(text))+ink.Clean(text))
	}
	if rest != "" {
		lines = append(lines, "   "+in.Paint(ink.Quiet, rest))
	}
	return lines
}
