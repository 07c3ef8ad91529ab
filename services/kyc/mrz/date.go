package mrz

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a day of the calendar of which parts may be unknown: zero means that
// the document does not say (Doc 9303-3, 4.7, allows it for a birth). As text
// unknown parts are X: "1974-08-12", "1974-XX-XX".
type Date struct {
	Year, Month, Day int
}

// DateOf is the day of t in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, int(m), d}
}

// Known says whether no part is missing.
func (d Date) Known() bool { return d.Year != 0 && d.Month != 0 && d.Day != 0 }

// Earliest is the first day that d can mean; unknown years make it the year 1.
func (d Date) Earliest() time.Time {
	return time.Date(max(d.Year, 1), time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, time.UTC)
}

// Latest is the last day that d can mean.
func (d Date) Latest() time.Time {
	if d.Year == 0 {
		return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	if d.Month == 0 {
		return time.Date(d.Year, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	if d.Day == 0 {
		return time.Date(d.Year, time.Month(d.Month)+1, 0, 0, 0, 0, 0, time.UTC)
	}
	return d.Earliest()
}

// Before compares by the first days that the two can mean.
func (d Date) Before(o Date) bool { return d.Earliest().Before(o.Earliest()) }

// valid says what is wrong with a date's parts, or nothing.
func (d Date) valid() string {
	if d.Year < 0 || d.Year > 9999 {
		return fmt.Sprintf("there is no year %d", d.Year)
	}
	if d.Month < 0 || d.Month > 12 {
		return fmt.Sprintf("there is no month %02d", d.Month)
	}
	month := Date{Year: d.Year, Month: d.Month}
	if month.Year == 0 {
		month.Year = 2000 // a leap year: any day that some year has
	}
	if month.Month == 0 {
		month.Month = 1
	}
	if d.Day < 0 || d.Day > month.Latest().Day() {
		return fmt.Sprintf("there is no day %02d in that month", d.Day)
	}
	return ""
}

func (d Date) String() string {
	part := func(n, width int) string {
		if n == 0 {
			return strings.Repeat("X", width)
		}
		return fmt.Sprintf("%0*d", width, n)
	}
	return part(d.Year, 4) + "-" + part(d.Month, 2) + "-" + part(d.Day, 2)
}

// MarshalText writes the form of String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of String.
func (d *Date) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), "-")
	if len(parts) != 3 || len(parts[0]) != 4 || len(parts[1]) != 2 || len(parts[2]) != 2 {
		return fmt.Errorf("read date %q: want YYYY-MM-DD", text)
	}
	var n [3]int
	for i, p := range parts {
		if strings.Trim(p, "X") == "" {
			continue
		}
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil || v == 0 {
			return fmt.Errorf("read date %q: %q is no number above zero", text, p)
		}
		n[i] = int(v)
	}
	got := Date{n[0], n[1], n[2]}
	if wrong := got.valid(); wrong != "" {
		return fmt.Errorf("read date %q: %s", text, wrong)
	}
	*d = got
	return nil
}

// The century of a two-digit year. Doc 9303 leaves it to the reader.

// born: the latest year that does not put the birth after ref. Nobody's age can
// therefore be read as 100 or more.
func born(d Date, ref time.Time) Date {
	d.Year += ref.Year() / 100 * 100
	if d.Earliest().After(DateOf(ref).Earliest()) {
		d.Year -= 100
	}
	return d
}

// expires: the year nearest to ref, from 50 years before it to 49 after.
func expires(d Date, ref time.Time) Date {
	d.Year += ref.Year() / 100 * 100
	switch {
	case d.Year < ref.Year()-50:
		d.Year += 100
	case d.Year > ref.Year()+49:
		d.Year -= 100
	}
	return d
}
