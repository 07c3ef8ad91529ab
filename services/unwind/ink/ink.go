package ink

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// An Ink says what may be used to write with.
type Ink struct {
	Colour  bool
	Symbols bool // before words, where the words would do
}

// Modes are the ways to choose an ink.
var Modes = []string{"auto", "always", "never"}

// Choose finds the ink for a writer. In auto, there are symbols on a terminal,
// and colours too unless NO_COLOR is set (see no-color.org) or the terminal is
// dumb.
func Choose(mode string, w io.Writer) (Ink, error) {
	switch mode {
	case "always":
		return Ink{Colour: true, Symbols: true}, nil
	case "never":
		return Ink{Symbols: terminal(w)}, nil
	case "auto", "":
		wanted := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		return Ink{Colour: terminal(w) && wanted, Symbols: terminal(w)}, nil
	default:
		return Ink{}, fmt.Errorf("colour %q: want auto, always or never", mode)
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Columns is the width of a terminal; 0 when the writer is none.
func Columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// A Tone says what a text means.
type Tone uint8

// The tones.
const (
	Plain  Tone = iota
	Quiet       // less important than the rest
	Strong      // a heading, a result
	Busy        // somebody works
	Good
	Bad
	Warn // waits, or is not as it should be
	Back // undoing
)

var tones = [...]*color.Color{
	Plain:  color.New(),
	Quiet:  color.New(color.Faint),
	Strong: color.New(color.Bold),
	Busy:   color.New(color.FgCyan),
	Good:   color.New(color.FgGreen),
	Bad:    color.New(color.FgRed),
	Warn:   color.New(color.FgYellow),
	Back:   color.New(color.FgMagenta),
}

// names are the colours that tell agents apart. Red is for failures alone.
var names = [...]*color.Color{
	color.New(color.FgCyan), color.New(color.FgGreen), color.New(color.FgYellow),
	color.New(color.FgBlue), color.New(color.FgMagenta),
	color.New(color.FgHiCyan), color.New(color.FgHiGreen), color.New(color.FgHiYellow),
	color.New(color.FgHiBlue), color.New(color.FgHiMagenta),
}

// The library asks the process's standard output whether to colour at all.
// Here that is the ink's decision.
func init() {
	for _, c := range tones {
		c.EnableColor()
	}
	for _, c := range names {
		c.EnableColor()
	}
}

// Paint gives a text its tone.
func (i Ink) Paint(t Tone, text string) string {
	if !i.Colour || t == Plain || text == "" {
		return text
	}
	return tones[t].Sprint(text)
}

// Name paints a text in the colour that belongs to a name.
func (i Ink) Name(name, text string) string {
	if !i.Colour || name == "" || text == "" {
		return text
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return names[h.Sum32()%uint32(len(names))].Sprint(text)
}
