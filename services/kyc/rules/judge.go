package rules

import (
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

// Config is what the house demands.
type Config struct {
	MinimumAge int // in years; 0: 18

	// MinimumValidity is how long the document must still be in force; 0: it
	// must not have expired.
	MinimumValidity time.Duration

	// LongestValidity is how far ahead an expiry may lie; 0: 11 years, one more
	// than states issue passports for.
	LongestValidity time.Duration

	// Specimens lets documents of Utopia, ICAO's example state, pass.
	Specimens bool
}

// Judge says what is wrong with doc on the given day, in the order of the zone.
// The applicant is whoever shows the document: one already in use by the same
// applicant is no finding, so that a second attempt judges like the first. The
// error is the Register's; a nil Register knows nothing.
func Judge(doc mrz.Document, on time.Time, applicant string, register Register, config Config) ([]Finding, error) {
	j := judge{doc: doc, on: mrz.DateOf(on).Earliest(), config: config.withDefaults()}
	j.issuer()
	j.nationality()
	if doc.MaybeTruncated {
		j.find(NameTruncated, Review, "name", "the name fills its field and may be cut off: %s", doc.Name())
	}
	j.birth()
	j.expiry()
	for _, c := range doc.Checks {
		if !c.OK() {
			j.find(CheckDigit, Refuse, c.Field, "the check digit of the %s is %s and should be %s", c.Field, c.Printed, c.Computed)
		}
	}
	if len(doc.Checks) == 0 {
		j.find(CheckDigit, Refuse, "checks", "there are no check digits")
	}
	if register != nil {
		standing, err := register.Standing(doc.Issuer, doc.Number)
		if err != nil {
			return nil, fmt.Errorf("look up document %s of %s: %w", doc.Number, doc.Issuer, err)
		}
		j.standing(standing, applicant)
	}
	return j.findings, nil
}

func (c Config) withDefaults() Config {
	if c.MinimumAge == 0 {
		c.MinimumAge = 18
	}
	if c.LongestValidity == 0 {
		c.LongestValidity = 11 * 366 * 24 * time.Hour
	}
	return c
}

type judge struct {
	doc      mrz.Document
	on       time.Time
	config   Config
	findings []Finding
}

func (j *judge) find(code Code, severity Severity, field, format string, args ...any) {
	j.findings = append(j.findings, Finding{code, severity, field, fmt.Sprintf(format, args...)})
}

func (j *judge) issuer() {
	switch mrz.LookUp(j.doc.Issuer) {
	case mrz.Country, mrz.Authority:
	case mrz.Specimen:
		if !j.config.Specimens {
			j.find(IssuerSpecimen, Refuse, "issuer", "%s issues specimens only", j.doc.Issuer)
		}
	default:
		j.find(IssuerUnknown, Refuse, "issuer", "no state or organisation issues documents as %q", j.doc.Issuer)
	}
}

func (j *judge) nationality() {
	switch mrz.LookUp(j.doc.Nationality) {
	case mrz.Unknown:
		j.find(NationalityUnknown, Refuse, "nationality", "%q is no nationality", j.doc.Nationality)
	case mrz.Specimen:
		if !j.config.Specimens {
			j.find(NationalityUnknown, Refuse, "nationality", "%s has no nationals", j.doc.Nationality)
		}
	}
}

// A birth of which parts are unknown is judged by the youngest age that it
// allows: doubt never makes an applicant of age.
func (j *judge) birth() {
	birth := j.doc.Birth
	if !birth.Known() {
		j.find(BirthIncomplete, Review, "birth", "the date of birth is not fully known: %v", birth)
	}
	if birth.Year == 0 {
		j.find(Underage, Refuse, "birth", "without a year of birth there is no age")
		return
	}
	if birth.Earliest().After(j.on) {
		j.find(BirthImplausible, Refuse, "birth", "born in the future: %v", birth)
		return
	}
	if birth.Year < j.on.Year()-120 {
		j.find(BirthImplausible, Refuse, "birth", "older than anybody: %v", birth)
	}
	if j.doc.Expiry.Known() && j.doc.Expiry.Before(birth) {
		j.find(BirthImplausible, Refuse, "birth", "born %v, after the document expired: %v", birth, j.doc.Expiry)
	}
	if age := Age(birth.Latest(), j.on); age < j.config.MinimumAge {
		j.find(Underage, Refuse, "birth", "%d years old, want %d", max(age, 0), j.config.MinimumAge)
	}
}

func (j *judge) expiry() {
	// In force until the day of expiry is over (Doc 9303-4, 4.1.1.1, field 16).
	expiry := j.doc.Expiry
	switch until := j.on.Add(j.config.MinimumValidity); {
	case !expiry.Known() || expiry.Earliest().Before(j.on):
		j.find(Expired, Refuse, "expiry", "expired on %v", expiry)
	case expiry.Earliest().Before(until):
		j.find(Expired, Refuse, "expiry", "expires on %v, want %s or later", expiry, until.Format(time.DateOnly))
	case expiry.Earliest().After(j.on.Add(j.config.LongestValidity)):
		j.find(ExpiryImplausible, Refuse, "expiry", "expires on %v: no passport lasts so long", expiry)
	}
}

func (j *judge) standing(s Standing, applicant string) {
	if s.Blocked != "" {
		j.find(Blocked, Refuse, "number", "the document is blocked: %s", s.Blocked)
	}
	if s.UsedBy != "" && s.UsedBy != applicant {
		j.find(InUse, Refuse, "number", "the document serves another application: %s", s.UsedBy)
	}
}

// Age is the number of birthdays from birth to the given day; one who was born
// on 29 February has theirs on 1 March in common years.
func Age(birth, on time.Time) int {
	age := on.Year() - birth.Year()
	if on.Month() < birth.Month() || on.Month() == birth.Month() && on.Day() < birth.Day() {
		age--
	}
	return age
}
