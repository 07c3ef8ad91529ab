package inbox

import (
	"fmt"
	"io"
	"time"

	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Options are how it looks. The zero value is plain text.
type Options struct {
	Ink     ink.Ink
	Columns int // lines are cut at so many; 0: never
}

// List writes a line for each item.
func List(w io.Writer, items []client.Item, now time.Time, o Options) error {
	t := ink.Table{Head: []string{"saga", "step", "agent", "needs", "waits", "left", "what it is about"}}
	for _, i := range items {
		agent := i.Agent
		if agent == i.Step {
			agent = ""
		}
		t.Row(
			ink.Cell{Text: i.Type + "/" + i.ID, Tone: ink.Strong},
			ink.Cell{Text: i.Step, Name: i.Agent},
			ink.Cell{Text: agent, Name: i.Agent},
			ink.Cell{Text: needs(i.Need), Tone: ink.Warn},
			ink.Cell{Text: ink.Span(now.Sub(i.Since))},
			ink.Cell{Text: left(i, now), Tone: leftTone(i, now)},
			ink.Cell{Text: ink.Clean(About(i))},
		)
	}
	for _, line := range t.Lines(o.Ink, o.Columns) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func needs(n client.Need) string {
	switch n {
	case client.NeedAnswer:
		return "an answer"
	case client.NeedStep:
		return "to be done"
	case client.NeedUndo:
		return "to be undone"
	default:
		return "a look"
	}
}

func left(i client.Item, now time.Time) string {
	switch d := i.Until.Sub(now); {
	case i.Until.IsZero():
		return "no limit"
	case d <= 0:
		return "none"
	default:
		return ink.Span(d)
	}
}

func leftTone(i client.Item, now time.Time) ink.Tone {
	if !i.Until.IsZero() && i.Until.Sub(now) < time.Hour {
		return ink.Bad
	}
	return ink.Plain
}
