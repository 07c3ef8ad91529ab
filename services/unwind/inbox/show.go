package inbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// most is how many lines of a document are shown.
const most = 40

// Show writes all that is known of an item, and what can be done.
func Show(w io.Writer, i client.Item, now time.Time, o Options) error {
	p := page{o: o}
	p.line("%s  %s", o.Ink.Paint(ink.Strong, i.Type+"/"+i.ID), o.Ink.Paint(ink.Warn, title(i)))
	p.line("")
	text := clean(subject(i))
	if o.Columns > 0 {
		text = ink.Wrap(text, o.Columns)
	}
	for line := range strings.SplitSeq(text, "\n") {
		p.line("%s", o.Ink.Paint(ink.Strong, line))
	}
	p.line("")
	p.fact("since", fmt.Sprintf("%s, %s ago", stamp(i.Since), ink.Span(now.Sub(i.Since))))
	if i.Until.IsZero() {
		p.fact("left", "no limit: "+i.Then)
	} else {
		p.fact("left", fmt.Sprintf("%s, until %s: then %s", left(i, now), stamp(i.Until), i.Then))
	}
	if i.Need == client.NeedAnswer {
		p.fact("for", ink.Clean(i.WaitsFor))
	}
	p.fact("turned", ink.Clean(i.Reason))
	p.fact("key", i.Key)
	p.document("to undo", i.Undo)
	p.tried(i, now)
	p.said(i, now)
	p.document("the task", i.Task)
	p.results(i)
	p.actions(i)
	_, err := io.WriteString(w, p.String())
	return err
}

func title(i client.Item) string {
	switch i.Need {
	case client.NeedAnswer:
		return fmt.Sprintf("%s asks at step %s, attempt %d", i.Agent, i.Step, i.Attempt)
	case client.NeedStep:
		return fmt.Sprintf("step %s failed, and there is no way back", i.Step)
	case client.NeedUndo:
		return fmt.Sprintf("%s could not undo step %s", i.Agent, i.Step)
	default:
		return "its history makes no sense"
	}
}

// subject is the first thing to be read.
func subject(i client.Item) string {
	if i.Need == client.NeedStep {
		return About(i) + fmt.Sprintf(". What was done up to %s stands: this step has to be done, by an agent or by hand.", i.Pivot)
	}
	return About(i)
}

// A page is what is being written.
type page struct {
	strings.Builder
	o Options
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) head(text string) { p.line("\n%s", p.o.Ink.Paint(ink.Quiet, text)) }

func (p *page) fact(name, text string) {
	if text != "" {
		p.line("%s%s", p.o.Ink.Paint(ink.Quiet, ink.Left(name, 8)), text)
	}
}

// document writes JSON so that it can be read.
func (p *page) document(name string, raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	p.head(name)
	p.json(raw, 2)
}

func (p *page) json(raw json.RawMessage, indent int) {
	var pretty bytes.Buffer
	if json.Indent(&pretty, raw, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(raw)
	}
	lines := strings.Split(pretty.String(), "\n")
	for n, line := range lines {
		if n == most {
			p.line("%s… %d lines more: -o json has them", strings.Repeat(" ", indent), len(lines)-most)
			return
		}
		text := strings.TrimLeft(line, " ")
		deep := indent + len(line) - len(text)
		room := 0
		if p.o.Columns > 0 {
			room = max(p.o.Columns-deep, 20)
		}
		p.line("%s%s", strings.Repeat(" ", deep), ink.Cut(ink.Clean(text), room))
	}
}

func (p *page) tried(i client.Item, now time.Time) {
	if len(i.Tries) == 0 {
		return
	}
	name := "tried"
	if i.Need == client.NeedUndo {
		name = "tried to undo"
	}
	p.head(name)
	t := ink.Table{Head: []string{"", "agent", "ago", "took", "class", "why"}}
	for _, try := range i.Tries {
		why, took := "nobody knows what became of it", ""
		if try.Error != nil {
			why = cmp.Or(try.Error.Message, "no reason given")
			if try.Error.Code != "" && try.Error.Code != string(try.Class) {
				why += " [" + try.Error.Code + "]"
			}
		}
		switch try.Left {
		case events.LeftUnknown:
			why += " · may have left something"
		case events.LeftUndone:
			why += " · what it left is undone"
		}
		at := try.Ended
		if at.IsZero() {
			at = try.Began
		} else if !try.Began.IsZero() {
			took = ink.Span(try.Ended.Sub(try.Began))
		}
		t.Row(ink.Cell{Text: fmt.Sprint(try.N)}, ink.Cell{Text: try.Agent, Name: try.Agent}, ink.Cell{Text: ink.Span(now.Sub(at))},
			ink.Cell{Text: took}, ink.Cell{Text: string(try.Class), Tone: ink.Bad}, ink.Cell{Text: ink.Clean(why)})
	}
	for _, line := range t.Lines(p.o.Ink, p.o.Columns) {
		p.line("  %s", line)
	}
}

func (p *page) said(i client.Item, now time.Time) {
	if len(i.Answers) == 0 {
		return
	}
	p.head("said before")
	for _, a := range i.Answers {
		text := fmt.Sprintf("%s ago, %s: %s", ink.Span(now.Sub(a.Time)), cmp.Or(a.By, "somebody"), cmp.Or(string(a.Outcome), "something unreadable"))
		if a.Next != "" {
			text += " → " + a.Next
		}
		if a.Error != nil {
			text += ": " + cmp.Or(a.Error.Message, a.Error.Code)
		}
		if a.Reason != "" {
			text += ": " + a.Reason
		}
		p.line("  %s", ink.Clean(text))
	}
}

func (p *page) results(i client.Item) {
	if len(i.Results)+len(i.Large) == 0 {
		return
	}
	p.head("done so far")
	for _, step := range slices.Sorted(maps.Keys(i.Large)) {
		p.line("  %s, %d bytes: unwind saga result %s %s %s", step, i.Large[step].Size, i.Type, i.ID, step)
	}
	for _, step := range slices.Sorted(maps.Keys(i.Results)) {
		if i.Pivot == step {
			p.line("  %s, the pivot", step)
		} else {
			p.line("  %s", step)
		}
		if raw := i.Results[step]; len(raw) > 0 {
			p.json(raw, 4)
		}
	}
}

func (p *page) actions(i client.Item) {
	p.head("what you can do")
	for _, a := range Actions(i) {
		p.line("  %s", p.o.Ink.Paint(ink.Good, a.What))
		p.line("    %s", a.Command)
		p.line("    %s", p.o.Ink.Paint(ink.Quiet, "→ "+a.Then))
	}
}

// clean keeps a text's own lines.
func clean(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = ink.Clean(line)
	}
	return strings.Join(lines, "\n")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
