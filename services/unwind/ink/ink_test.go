package ink_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func TestChoose(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	for mode, want := range map[string]ink.Ink{
		"":       {},
		"auto":   {}, // a buffer is no terminal
		"never":  {},
		"always": {Colour: true, Symbols: true},
	} {
		if got, err := ink.Choose(mode, &bytes.Buffer{}); err != nil || got != want {
			t.Errorf("Choose(%q): %+v, %v, want %+v", mode, got, err, want)
		}
	}
	if _, err := ink.Choose("sometimes", &bytes.Buffer{}); err == nil {
		t.Error(`Choose("sometimes") is no error`)
	}
}

func TestPaint(t *testing.T) {
	in := ink.Ink{Colour: true}
	if got := in.Paint(ink.Bad, "no"); got != "\x1b[31mno\x1b[0m" {
		t.Errorf("Paint: %q", got)
	}
	if got := (ink.Ink{}).Paint(ink.Bad, "no"); got != "no" {
		t.Errorf("Paint without colour: %q", got)
	}
	again := in.Name("seat", "x")
	if in.Name("seat", "x") != again || in.Name("", "x") != "x" || in.Name("seat", "") != "" {
		t.Error("a name has one colour, no name has none")
	}
}

func TestSpanAndClock(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		-time.Second:                       {"0s", "0.000s"},
		0:                                  {"0ms", "0.000s"},
		21 * time.Millisecond:              {"21ms", "0.021s"},
		1900 * time.Millisecond:            {"1.9s", "1.900s"},
		9990 * time.Millisecond:            {"10s", "9.990s"},
		59_700 * time.Millisecond:          {"1m00s", "59.700s"},
		59*time.Second + 999_900_000:       {"1m00s", "1m00.0s"},
		123_400 * time.Millisecond:         {"2m03s", "2m03.4s"},
		3*time.Hour + 4*time.Minute:        {"3h04m", "3h04m00s"},
		51*time.Hour + 29*time.Minute:      {"2d03h", "51h29m00s"},
		time.Hour - 20*time.Millisecond:    {"60m00s", "1h00m00s"},
		24*time.Hour - 10*time.Millisecond: {"24h00m", "24h00m00s"},
	} {
		if got := [2]string{ink.Span(d), ink.Clock(d)}; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                "plain",
		"two\nlines\t here":    "two lines here",
		"\x1b[31mred\x07":      "�[31mred�",
		"bytes \xff\xfe":       "bytes �",
		"right\u202eto left":   "right�to left",
		"Zürich — ok, 東京 fine": "Zürich — ok, 東京 fine",
	} {
		if got := ink.Clean(text); got != want {
			t.Errorf("Clean(%q): %q, want %q", text, got, want)
		}
	}
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"fits", 4, "fits"}, {"cut here", 5, "cut …"}, {"no limit", 0, "no limit"}, {"東京都", 5, "東京…"},
	} {
		if got := ink.Cut(c.text, c.columns); got != c.want || c.columns > 0 && ink.Width(got) > c.columns {
			t.Errorf("Cut(%q, %d): %q, want %q", c.text, c.columns, got, c.want)
		}
	}
	if got := ink.Left("ab", 4) + "|" + ink.Right("ab", 4) + "|" + ink.Left("abcde", 4); got != "ab  |  ab|abcde" {
		t.Errorf("Left and Right: %q", got)
	}
	for text, want := range map[string]string{
		"one two three four":  "one two\nthree\nfour",
		"a verylongword b":    "a\nverylongword b",
		" indented stays on":  " indented stays on",
		"ab cd ef\nnext":      "ab cd ef\nnext",
		"  - one two three":   "  - one\n    two\n    three",
		"  - onetwothreefour": "  - onetwothreefour",
	} {
		if got := ink.Wrap(text, 8); got != want {
			t.Errorf("Wrap(%q): %q, want %q", text, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	table := ink.Table{Head: []string{"a", "unused", "b"}}
	table.Row(ink.Cell{Text: "1"}, ink.Cell{}, ink.Cell{Text: "a long remark about it"})
	table.Row(ink.Cell{Text: "222"}, ink.Cell{}, ink.Cell{})
	for columns, want := range map[int]string{
		0:  "a    b\n1    a long remark about it\n222",
		20: "a    b\n1\n    a long remark a…\n222",
	} {
		if got := strings.Join(table.Lines(ink.Ink{}, columns), "\n"); got != want {
			t.Errorf("at %d columns:\n%s\nwant\n%s", columns, got, want)
		}
	}
}
