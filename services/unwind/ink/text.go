package ink

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/mattn/go-runewidth"
)

// Clean makes one printable line of a text that somebody else wrote: an error
// message must not move the cursor or colour the rest of the screen.
func Clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '�'
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "�"))
	return strings.Join(strings.Fields(text), " ")
}

// Width is how many columns a text takes that was not painted.
func Width(text string) int { return runewidth.StringWidth(text) }

// Cut shortens a text to a number of columns; 0 or less is no limit.
func Cut(text string, columns int) string {
	if columns <= 0 || Width(text) <= columns {
		return text
	}
	return runewidth.Truncate(text, columns, "…")
}

// Left fills a text with spaces on its right, so that it stands on the left.
func Left(text string, columns int) string {
	return text + strings.Repeat(" ", max(columns-Width(text), 0))
}

// Right fills a text with spaces on its left.
func Right(text string, columns int) string {
	return strings.Repeat(" ", max(columns-Width(text), 0)) + text
}

// Wrap breaks a text at spaces so that no line is longer than a number of
// columns. A line that begins with a space is left as it is, but for an item of a
// list, "  - ", which goes on below its text.
func Wrap(text string, columns int) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		hang := ""
		if strings.HasPrefix(line, bullet) {
			hang = strings.Repeat(" ", len(bullet))
		}
		for Width(line) > columns && (hang != "" || !strings.HasPrefix(line, " ")) {
			at := strings.LastIndexByte(runewidth.Truncate(line, columns+1, ""), ' ')
			if at <= len(hang) {
				break
			}
			lines, line = append(lines, line[:at]), hang+line[at+1:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

const bullet = "  - "

// CutPainted is [Cut] for a text that was painted: its colours take no room, and
// end where it does.
func CutPainted(text string, columns int) string {
	if columns <= 0 || ansi.StringWidth(text) <= columns {
		return text
	}
	return ansi.Truncate(text, columns, "…")
}
