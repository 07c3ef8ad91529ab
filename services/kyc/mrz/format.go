package mrz

import (
	"fmt"
	"strings"
)

// Format writes the two lines of d with the check digits that belong there.
// Names may be in any spelling that [Transliterate] knows; one that is too long
// is shortened at the end, its last column a letter, as Doc 9303-4, 4.2.3, wants
// it. Of the years only the last two digits survive.
func Format(d Document) ([2]string, error) {
	var none [2]string
	name, err := nameField(d.Surname, d.GivenNames)
	if err != nil {
		return none, err
	}
	if !strings.HasPrefix(d.Code, "P") || len(d.Code) > 2 {
		return none, fmt.Errorf("write machine-readable zone: document code %q is not a passport's", d.Code)
	}
	w := writer{}
	line1 := w.field("document code", d.Code, 2) + w.field("issuing state", d.Issuer, 3) + name

	number, birth, expiry := w.field("document number", d.Number, 9), w.date("date of birth", d.Birth), w.date("date of expiry", d.Expiry)
	optional := w.field("optional data", d.Optional, 14)
	line2 := number + string(CheckDigit(number)) +
		w.field("nationality", d.Nationality, 3) +
		birth + string(CheckDigit(birth)) +
		w.sex(d.Sex) +
		expiry + string(CheckDigit(expiry)) +
		optional + string(CheckDigit(optional))
	if w.err != nil {
		return none, w.err
	}
	return [2]string{line1, line2 + string(CheckDigit(composed(line2)))}, nil
}

type writer struct{ err error }

func (w *writer) fail(name, value, wrong string) {
	if w.err == nil {
		w.err = fmt.Errorf("write machine-readable zone: %s %q: %s", name, value, wrong)
	}
}

func (w *writer) field(name, value string, n int) string {
	v := strings.NewReplacer(" ", "<", "-", "<").Replace(value)
	if len(v) > n {
		w.fail(name, value, fmt.Sprintf("longer than %d characters", n))
		return ""
	}
	for i := 0; i < len(v); i++ {
		if v[i] != '<' && !isLetter(v[i]) && !isDigit(v[i]) {
			w.fail(name, value, "only A-Z, 0-9, space and hyphen are allowed")
		}
	}
	return pad(v, n)
}

func (w *writer) date(name string, d Date) string {
	if wrong := d.valid(); wrong != "" {
		w.fail(name, d.String(), wrong)
	}
	two := func(n int) string {
		if n == 0 {
			return "<<"
		}
		return fmt.Sprintf("%02d", n%100)
	}
	return two(d.Year) + two(d.Month) + two(d.Day)
}

func (w *writer) sex(s Sex) string {
	switch s {
	case Male, Female:
		return string(s)
	case Unspecified, "":
		return "<"
	}
	w.fail("sex", string(s), "want M, F or X")
	return ""
}

const nameWidth = 39

func nameField(surname, given string) (string, error) {
	primary, err := Transliterate(surname)
	if err != nil {
		return "", err
	}
	secondary, err := Transliterate(given)
	if err != nil {
		return "", err
	}
	p, s := strings.ReplaceAll(primary, " ", "<"), strings.ReplaceAll(secondary, " ", "<")
	switch {
	case p == "":
		return "", fmt.Errorf("write machine-readable zone: name %q has no letters", surname)
	case s == "":
		return pad(cut(p, nameWidth), nameWidth), nil
	}
	// A given name keeps at least its initial.
	p = cut(p, nameWidth-len("<<")-1)
	return pad(p+"<<"+cut(s, nameWidth-len(p)-len("<<")), nameWidth), nil
}

// cut shortens s to n columns that end in a letter: where the cut would leave a
// filler last, a letter before it goes and the next part's initial comes in.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if s[n-1] != '<' {
		return s[:n]
	}
	if n < 3 {
		return s[:n-1]
	}
	if s[n-3] == '<' { // the part before is an initial: it has no letter to spare
		return s[:n-1]
	}
	return s[:n-2] + "<" + s[n:n+1]
}

func pad(s string, n int) string {
	return s + strings.Repeat("<", max(0, n-len(s)))
}
