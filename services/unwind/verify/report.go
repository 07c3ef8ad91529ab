package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// marks are how a status looks.
var marks = map[Status]struct {
	symbol string
	tone   ink.Tone
}{
	Passed:  {"✔", ink.Good},
	Failed:  {"✖", ink.Bad},
	Skipped: {"–", ink.Quiet},
}

// Lines tells a result: one line, and for one that failed what was expected and
// what was seen.
func (r Result) Lines(in ink.Ink) []string {
	mark := marks[r.Status]
	said := r.Text
	if r.Status == Skipped {
		said = "not checked: " + r.Reason
	}
	tone := ink.Plain
	if r.Status == Skipped {
		tone = ink.Quiet
	}
	lines := []string{fmt.Sprintf("%s %s  %s", in.Paint(mark.tone, mark.symbol), in.Paint(ink.Strong, ink.Left(r.Check, 18)), in.Paint(tone, said))}
	if r.Status != Failed {
		return lines
	}
	lines = append(lines,
		"    rule      "+r.Rule,
		"    expected  "+r.Want,
		"    seen      "+in.Paint(ink.Bad, r.Seen),
	)
	for _, line := range r.History {
		lines = append(lines, "    "+in.Paint(ink.Quiet, "│ ")+line)
	}
	return lines
}

// Summary counts what came of all.
func (r Report) Summary() string {
	return fmt.Sprintf("%s: %d passed, %d failed, %d not checked, in %s", r.Agent, r.Passed, r.Failed, r.Skipped, ink.Span(r.Took))
}

// JUnit writes the report as test results, as build servers read them.
func (r Report) JUnit(w io.Writer) error {
	type message struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Failure *message `xml:"failure"`
		Skipped *message `xml:"skipped"`
	}
	type suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     string     `xml:"time,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
	s := suite{
		Name: "unwind agent verify " + r.Agent, Tests: len(r.Results), Failures: r.Failed, Skipped: r.Skipped, Time: seconds(r.Took),
	}
	for _, result := range r.Results {
		c := testcase{Name: result.Check, Class: r.Saga + "." + r.Agent, Time: seconds(result.Took)}
		switch result.Status {
		case Failed:
			text := result.Text + "\n" + result.Rule + "\n"
			for _, line := range result.History {
				text += line + "\n"
			}
			c.Failure = &message{"want " + result.Want + ", seen: " + result.Seen, text}
		case Skipped:
			c.Skipped = &message{Message: result.Reason}
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
