package screening

import (
	"fmt"
	"regexp"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

// Birth is a date of birth as a list gives it: a day, a month, a year, or only
// about when.
type Birth struct {
	Date mrz.Date `json:"date"`
	To   int      `json:"to,omitempty"` // of a span of years: the last
	// Circa says that the list is not sure of the year.
	Circa bool `json:"circa,omitempty"`
}

// "DOB 31 Oct 1961; alt. DOB Mar 1962; DOB circa 1966; DOB 1965 to 1968"
var births = regexp.MustCompile(`\bDOB (circa )?(\d{1,2} )?([A-Z][a-z]{2} )?(\d{4})( to (?:\d{1,2} )?(?:[A-Z][a-z]{2} )?(\d{4}))?`)

func parseBirths(remarks string) ([]Birth, error) {
	var all []Birth
	for _, m := range births.FindAllStringSubmatch(remarks, -1) {
		layout := "2006"
		if m[3] != "" {
			layout = "Jan " + layout
			if m[2] != "" {
				layout = "2 " + layout
			}
		}
		t, err := time.Parse(layout, map[bool]string{true: m[2]}[m[3] != ""]+m[3]+m[4])
		if err != nil {
			return nil, fmt.Errorf("date of birth %q: no such day", m[0])
		}
		b := Birth{Date: mrz.Date{Year: t.Year()}, Circa: m[1] != ""}
		if m[6] != "" {
			if _, err := fmt.Sscan(m[6], &b.To); err != nil || b.To < b.Date.Year {
				return nil, fmt.Errorf("date of birth %q: ends before it begins", m[0])
			}
		} else if m[3] != "" {
			b.Date.Month = int(t.Month())
			if m[2] != "" {
				b.Date.Day = t.Day()
			}
		}
		all = append(all, b)
	}
	return all, nil
}

// Evidence is what two dates of birth say of two people being one.
type Evidence string

// The evidence, the strongest first.
const (
	Same      Evidence = "same"      // the same day
	Near      Evidence = "near"      // what is known of both agrees, or a slip of the pen apart
	Silent    Evidence = "silent"    // one of them is not known
	Different Evidence = "different" // they contradict
)

var worth = map[Evidence]float64{Same: 0.05, Near: 0.02, Silent: 0, Different: -0.08}

// weigh is the best that any of the list's dates says.
func weigh(d mrz.Date, listed []Birth) Evidence {
	if d.Year == 0 || len(listed) == 0 {
		return Silent
	}
	best := Different
	for _, b := range listed {
		if e := b.weigh(d); worth[e] > worth[best] {
			best = e
		}
	}
	return best
}

func (b Birth) weigh(d mrz.Date) Evidence {
	slack := 0
	if b.Circa {
		slack = 2
	}
	last := max(b.To, b.Date.Year)
	inYears := d.Year >= b.Date.Year-slack && d.Year <= last+slack
	if b.To != 0 || b.Circa || !b.Date.Known() || !d.Known() {
		agree := func(x, y int) bool { return x == 0 || y == 0 || x == y }
		if inYears && (b.To != 0 || b.Circa || agree(b.Date.Month, d.Month) && agree(b.Date.Day, d.Day)) {
			return Near
		}
		return Different
	}
	if d == b.Date {
		return Same
	}
	wrong := 0
	for _, differs := range []bool{d.Year != b.Date.Year, d.Month != b.Date.Month, d.Day != b.Date.Day} {
		if differs {
			wrong++
		}
	}
	swapped := d.Year == b.Date.Year && d.Month == b.Date.Day && d.Day == b.Date.Month
	if wrong == 1 && d.Year-b.Date.Year <= 1 && b.Date.Year-d.Year <= 1 || swapped {
		return Near
	}
	return Different
}
