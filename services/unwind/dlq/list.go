package dlq

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Options are how it looks. The zero value is plain text.
type Options struct {
	Ink     ink.Ink
	Columns int // lines are cut at so many; 0: never
}

// some is how many ids stand below a cause.
const some = 5

// List writes the causes, each with the last of its sagas.
func List(w io.Writer, letters []Letter, now time.Time, o Options) error {
	for n, c := range Causes(letters) {
		if n > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		for _, line := range c.lines(letters, now, o) {
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c Cause) lines(letters []Letter, now time.Time, o Options) []string {
	head := fmt.Sprintf("%s %s", o.Ink.Paint(ink.Strong, fmt.Sprintf("%4d", c.Count)), c.Type)
	if c.Step != "" {
		head += " · " + c.Step
	}
	if c.Agent != "" && c.Agent != c.Step {
		head += " · " + o.Ink.Name(c.Agent, c.Agent)
	}
	head += " · " + o.Ink.Paint(ink.Bad, cmp.Or(c.Code, string(c.Kind)))
	if c.Code != "" && c.Code != string(c.Kind) {
		head += " (" + string(c.Kind) + ")"
	}
	head += o.Ink.Paint(ink.Quiet, fmt.Sprintf(" · last %s ago", ink.Span(now.Sub(c.Last))))
	lines := []string{head}
	if c.Message != "" && c.Message != c.Code {
		lines = append(lines, "     "+cut(ink.Clean(c.Message), o.Columns-5))
	}
	var ids []string
	for _, l := range letters {
		if c.has(l) && len(ids) < some {
			ids = append(ids, l.ID)
		}
	}
	if more := c.Count - len(ids); more > 0 {
		ids = append(ids, fmt.Sprintf("and %d more", more))
	}
	return append(lines, "     "+o.Ink.Paint(ink.Quiet, cut(strings.Join(ids, ", "), o.Columns-5)))
}

func (c Cause) has(l Letter) bool {
	return c.Type == l.Type && c.Kind == l.Kind && c.Step == l.Step && c.Agent == l.Agent && c.Code == l.Code
}

func cut(text string, columns int) string {
	if columns <= 0 {
		return text
	}
	return ink.Cut(text, columns)
}
