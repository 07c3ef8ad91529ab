package rules

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

var today = time.Date(2026, 11, 20, 22, 30, 0, 0, time.UTC)

// passport is a good one, read from its own zone so that its checks are real.
func passport(t *testing.T, change func(*mrz.Document)) mrz.Document {
	t.Helper()
	doc := mrz.Document{
		Code: "P", Issuer: "NLD", Surname: "DE BRUIJN", GivenNames: "WILLEKE", Number: "SPECI2014", Nationality: "NLD",
		Birth: mrz.Date{Year: 1985, Month: 3, Day: 10}, Sex: mrz.Female, Expiry: mrz.Date{Year: 2034, Month: 3, Day: 9},
	}
	change(&doc)
	lines, err := mrz.Format(doc)
	if err != nil {
		t.Fatal(err)
	}
	read, err := mrz.Parse(lines[:], today)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestJudge(t *testing.T) {
	birth := func(y, m, d int) func(*mrz.Document) {
		return func(doc *mrz.Document) { doc.Birth = mrz.Date{Year: y, Month: m, Day: d} }
	}
	expiry := func(y, m, d int) func(*mrz.Document) {
		return func(doc *mrz.Document) { doc.Expiry = mrz.Date{Year: y, Month: m, Day: d} }
	}
	register := Standings{
		"NLD/STOLEN001": {Blocked: "reported stolen"},
		"NLD/USED00001": {UsedBy: "kyc/7"},
		"BEL/SPECI2014": {Blocked: "another issuer's number"},
	}
	for _, tc := range []struct {
		name   string
		change func(*mrz.Document)
		config Config
		want   []Code
	}{
		{"good", func(*mrz.Document) {}, Config{}, nil},
		{"expires today", expiry(2026, 11, 20), Config{}, nil},
		{"expired yesterday", expiry(2026, 11, 19), Config{}, []Code{Expired}},
		{"expires too soon", expiry(2027, 1, 1), Config{MinimumValidity: 90 * 24 * time.Hour}, []Code{Expired}},
		{"expires in twenty years", expiry(2046, 11, 20), Config{}, []Code{ExpiryImplausible}},
		{"eighteen today", birth(2008, 11, 20), Config{}, nil},
		{"eighteen tomorrow", birth(2008, 11, 21), Config{}, []Code{Underage}},
		{"sixteen is enough", birth(2010, 1, 1), Config{MinimumAge: 16}, nil},
		{"day of birth unknown, of age on any", birth(2008, 10, 0), Config{}, []Code{BirthIncomplete}},
		{"day of birth unknown, of age on some", birth(2008, 11, 0), Config{}, []Code{BirthIncomplete, Underage}},
		{"birth unknown", birth(0, 0, 0), Config{}, []Code{BirthIncomplete, Underage}},
		{"a stateless person's document", func(d *mrz.Document) { d.Nationality = "XXA" }, Config{}, nil},
		{"issued by nobody", func(d *mrz.Document) { d.Issuer = "ZZZ" }, Config{}, []Code{IssuerUnknown}},
		{"a status issues nothing", func(d *mrz.Document) { d.Issuer = "XXB" }, Config{}, []Code{IssuerUnknown}},
		{"the United Nations issue", func(d *mrz.Document) { d.Issuer = "UNO" }, Config{}, nil},
		{"no such nationality", func(d *mrz.Document) { d.Nationality = "QQQ" }, Config{}, []Code{NationalityUnknown}},
		{"Utopia", func(d *mrz.Document) { d.Issuer, d.Nationality = "UTO", "UTO" }, Config{}, []Code{IssuerSpecimen, NationalityUnknown}},
		{"Utopia where specimens pass", func(d *mrz.Document) { d.Issuer, d.Nationality = "UTO", "UTO" }, Config{Specimens: true}, nil},
		{"name cut off", func(d *mrz.Document) { d.GivenNames = strings.Repeat("WILLEKE", 6) }, Config{}, []Code{NameTruncated}},
		{"stolen", func(d *mrz.Document) { d.Number = "STOLEN001" }, Config{}, []Code{Blocked}},
		{"in another's use", func(d *mrz.Document) { d.Number = "USED00001" }, Config{}, []Code{InUse}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			findings, err := Judge(passport(t, tc.change), today, "kyc/42", register, tc.config)
			if err != nil {
				t.Fatal(err)
			}
			var got []Code
			for _, f := range findings {
				got = append(got, f.Code)
				if f.Detail == "" || strings.Contains(f.Detail, "%!") {
					t.Errorf("detail of %s: %q", f.Code, f.Detail)
				}
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("found %v, want %v", findings, tc.want)
			}
		})
	}
}

func TestJudgeOwnUse(t *testing.T) {
	doc := passport(t, func(d *mrz.Document) { d.Number = "USED00001" })
	findings, err := Judge(doc, today, "kyc/7", Standings{"NLD/USED00001": {UsedBy: "kyc/7"}}, Config{})
	if err != nil || len(findings) != 0 {
		t.Errorf("the second attempt of the same applicant found %v, %v", findings, err)
	}
}

func TestJudgeCheckDigits(t *testing.T) {
	doc := passport(t, func(*mrz.Document) {})
	for i := range doc.Checks {
		t.Run(doc.Checks[i].Field, func(t *testing.T) {
			altered := doc
			altered.Checks = append([]mrz.Check(nil), doc.Checks...)
			altered.Checks[i].Printed = string('0' + (altered.Checks[i].Computed[0]-'0'+1)%10)
			findings, err := Judge(altered, today, "", nil, Config{})
			if err != nil || len(findings) != 1 || findings[0].Code != CheckDigit || findings[0].Field != doc.Checks[i].Field {
				t.Errorf("found %v, %v", findings, err)
			}
			if !Refused(findings) {
				t.Error("a wrong check digit was not refused")
			}
		})
	}
	t.Run("none at all", func(t *testing.T) {
		doc.Checks = nil
		if findings, _ := Judge(doc, today, "", nil, Config{}); !Refused(findings) {
			t.Errorf("found %v", findings)
		}
	})
}

// A Document made by hand may say what no zone can.
func TestJudgeImplausible(t *testing.T) {
	for name, date := range map[string]mrz.Date{
		"future":               {Year: 2027, Month: 1, Day: 1},
		"older than anybody":   {Year: 1900, Month: 1, Day: 1},
		"after it had expired": {Year: 2000, Month: 1, Day: 1},
	} {
		t.Run(name, func(t *testing.T) {
			doc := passport(t, func(*mrz.Document) {})
			doc.Birth = date
			if name == "after it had expired" {
				doc.Expiry = mrz.Date{Year: 1999, Month: 1, Day: 1}
			}
			findings, _ := Judge(doc, today, "", nil, Config{})
			if len(findings) == 0 || findings[0].Code != BirthImplausible {
				t.Errorf("found %v", findings)
			}
		})
	}
}

type broken struct{}

var errDown = errors.New("register is down")

func (broken) Standing(string, string) (Standing, error) { return Standing{}, errDown }

// A register that does not answer is no clean bill.
func TestJudgeRegisterDown(t *testing.T) {
	findings, err := Judge(passport(t, func(*mrz.Document) {}), today, "", broken{}, Config{})
	if !errors.Is(err, errDown) || findings != nil {
		t.Errorf("got %v, %v", findings, err)
	}
}

func TestAge(t *testing.T) {
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	for _, tc := range []struct {
		birth, on time.Time
		want      int
	}{
		{day(2008, 11, 20), day(2026, 11, 20), 18},
		{day(2008, 11, 20), day(2026, 11, 19), 17},
		{day(2008, 2, 29), day(2026, 2, 28), 17},
		{day(2008, 2, 29), day(2026, 3, 1), 18},
		{day(2026, 11, 20), day(2026, 11, 20), 0},
	} {
		if got := Age(tc.birth, tc.on); got != tc.want {
			t.Errorf("born %v, on %v: %d, want %d", tc.birth, tc.on, got, tc.want)
		}
	}
}
