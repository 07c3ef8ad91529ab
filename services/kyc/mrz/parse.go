package mrz

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const width = 44

// Parse reads the two lines of a passport. They may also come as one string
// with a line break, or as 88 characters in a row. Years are completed so that
// the birth is not after ref and the expiry is the nearest to it.
//
// The error is a [*SyntaxError] with every mistake; the Document then holds what
// could be read.
func Parse(lines []string, ref time.Time) (Document, error) {
	r := reader{ref: ref}
	doc := r.read(split(lines))
	if r.mistakes != nil {
		return doc, &SyntaxError{r.mistakes}
	}
	return doc, nil
}

func split(lines []string) []string {
	var out []string
	for _, l := range strings.FieldsFunc(strings.Join(lines, "\n"), func(c rune) bool { return c == '\n' || c == '\r' }) {
		if l = strings.Trim(l, " \t"); l != "" {
			out = append(out, l)
		}
	}
	if len(out) == 1 && len(out[0]) == 2*width {
		out = []string{out[0][:width], out[0][width:]}
	}
	return out
}

type reader struct {
	ref      time.Time
	lines    []string
	mistakes []Mistake
}

func (r *reader) read(lines []string) (doc Document) {
	r.lines = lines
	if len(lines) != 2 {
		r.wrong(0, 0, "", "", fmt.Sprintf("%d lines, want 2", len(lines)))
		return doc
	}
	for i, l := range lines {
		if n := utf8.RuneCountInString(l); n != width {
			r.wrong(i+1, 0, "", l, fmt.Sprintf("%d characters, want %d", n, width))
		}
		r.alphabet(i+1, l)
	}
	if r.mistakes != nil {
		return doc // columns mean nothing in a line of another length or alphabet
	}

	doc.Code = r.code()
	doc.Issuer = r.state(1, 3, "issuing state")
	doc.Surname, doc.GivenNames = r.name()
	doc.MaybeTruncated = lines[0][width-1] != '<'

	doc.Number = r.field(2, 1, 9)
	if doc.Number == "" {
		r.wrong(2, 1, "document number", lines[1][:9], "is empty")
	}
	doc.Nationality = r.state(2, 11, "nationality")
	doc.Birth = r.date(14, "date of birth", true, born)
	doc.Sex = r.sex()
	doc.Expiry = r.date(22, "date of expiry", false, expires)
	doc.Optional = r.field(2, 29, 14)

	l := lines[1]
	doc.Checks = []Check{
		r.check(CheckNumber, 10, l[0:9]),
		r.check(CheckBirth, 20, l[13:19]),
		r.check(CheckExpiry, 28, l[21:27]),
		r.check(CheckOptional, 43, l[28:42]),
		r.check(CheckComposite, 44, composed(l)),
	}
	return doc
}

func (r *reader) wrong(line, column int, field, text, wrong string) {
	r.mistakes = append(r.mistakes, Mistake{line, column, field, text, wrong})
}

func (r *reader) alphabet(line int, l string) {
	column := 0
	for _, c := range l {
		column++
		if c != '<' && (c > 'Z' || !isLetter(byte(c)) && !isDigit(byte(c))) {
			r.wrong(line, column, "character", string(c), "only A-Z, 0-9 and < are allowed")
		}
	}
}

// field is n columns with the fillers at the end cut off; those inside are the
// spaces and hyphens of the document.
func (r *reader) field(line, column, n int) string {
	f := r.lines[line-1][column-1 : column-1+n]
	return strings.ReplaceAll(strings.TrimRight(f, "<"), "<", " ")
}

func (r *reader) code() string {
	c := r.lines[0][:2]
	if c[0] != 'P' || isDigit(c[1]) {
		r.wrong(1, 1, "document code", c, "a passport has P and a letter or <")
	}
	return strings.TrimRight(c, "<")
}

// state is a code of one to three letters. Whether anybody uses it is not a
// question of form.
func (r *reader) state(line, column int, name string) string {
	raw := r.lines[line-1][column-1 : column+2]
	code := strings.TrimRight(raw, "<")
	if code == "" || strings.ContainsAny(code, "<0123456789") {
		r.wrong(line, column, name, raw, "want one to three letters")
	}
	return code
}

// name: the primary identifier, two fillers, the secondary one, fillers to the
// end. One filler stands between the parts of each.
func (r *reader) name() (primary, secondary string) {
	const first = 6
	raw := r.lines[0][first-1:]
	name := strings.TrimRight(raw, "<")
	if name == "" {
		r.wrong(1, first, "name", raw, "is empty")
		return "", ""
	}
	for i := 0; i < len(name); i++ {
		if isDigit(name[i]) {
			r.wrong(1, first+i, "name", name[i:i+1], "a name has no digits")
		}
	}
	if name[0] == '<' {
		r.wrong(1, first, "name", raw, "begins with a filler")
	}
	p, s, _ := strings.Cut(name, "<<")
	if at := strings.Index(s, "<<"); at >= 0 || strings.HasPrefix(s, "<") {
		r.wrong(1, first+len(p)+2+max(at, 0), "name", s, "a second separator: << stands once, between surname and given names")
	}
	return strings.ReplaceAll(p, "<", " "), strings.ReplaceAll(s, "<", " ")
}

func (r *reader) sex() Sex {
	switch c := r.lines[1][20:21]; c {
	case "M", "F":
		return Sex(c)
	case "<":
	default:
		r.wrong(2, 21, "sex", c, "want M, F or <")
	}
	return Unspecified
}

func (r *reader) date(column int, name string, partial bool, century func(Date, time.Time) Date) Date {
	raw := r.lines[1][column-1 : column+5]
	var d Date
	var unknownYear bool
	for i, to := range []*int{&d.Year, &d.Month, &d.Day} {
		two := raw[2*i : 2*i+2]
		n, err := strconv.Atoi(two)
		switch {
		case two == "<<" && partial:
			unknownYear = unknownYear || i == 0
		case err != nil || !isDigit(two[0]):
			r.wrong(2, column+2*i, name, raw, "want YYMMDD")
			return Date{}
		case n == 0 && i > 0:
			r.wrong(2, column+2*i, name, raw, "months and days count from 01")
			return Date{}
		default:
			*to = n
		}
	}
	if !unknownYear {
		d = century(d, r.ref)
	}
	if wrong := d.valid(); wrong != "" {
		r.wrong(2, column, name, raw, wrong)
		return Date{}
	}
	return d
}

func (r *reader) check(field string, column int, guarded string) Check {
	printed := r.lines[1][column-1 : column]
	if !isDigit(printed[0]) && (field != CheckOptional || printed != "<") {
		r.wrong(2, column, "check digit of "+field, printed, "want a digit")
	}
	return Check{Field: field, Column: column, Printed: printed, Computed: string(CheckDigit(guarded))}
}
