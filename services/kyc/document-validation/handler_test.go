package main

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc/kyctest"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

func desk(t testing.TB) *kyctest.Desk { return kyctest.Open(t, kyctest.World(t), open, schema) }

// passport is what id-extraction reads of a good one, or of one that was
// changed before it was printed.
func passport(t testing.TB, changes ...func(*mrz.Document)) map[string]any {
	t.Helper()
	now := time.Now()
	doc := mrz.Document{
		Code: "P", Issuer: "UTO", Nationality: "UTO", Number: "U0000001", Surname: "ERIKSSON", GivenNames: "ANNA",
		Birth: mrz.Date{Year: 1985, Month: 3, Day: 10}, Sex: mrz.Female, Expiry: mrz.DateOf(now.AddDate(5, 0, 0)),
	}
	for _, change := range changes {
		change(&doc)
	}
	zone, err := mrz.Format(doc)
	require.NoError(t, err)
	read, err := mrz.Parse(zone[:], now)
	require.NoError(t, err)
	return map[string]any{"id-extraction": read}
}

func TestBarrier(t *testing.T) {
	kyctest.Suite(t, kyctest.Case{Open: desk, Person: world.Someone(0), Results: passport(t), Table: "register"})
}

func TestRefused(t *testing.T) {
	altered := passport(t)
	doc := altered["id-extraction"].(mrz.Document)
	doc.Checks[0].Printed = string('0' + (doc.Checks[0].Computed[0]-'0'+1)%10)
	for name, tc := range map[string]struct {
		results map[string]any
		says    string
	}{
		"expired":             {passport(t, func(d *mrz.Document) { d.Expiry = mrz.DateOf(time.Now().AddDate(0, 0, -2)) }), "expired on"},
		"underage":            {passport(t, func(d *mrz.Document) { d.Birth = mrz.DateOf(time.Now().AddDate(-17, 0, 0)) }), "17 years old, want 18"},
		"issued by nobody":    {passport(t, func(d *mrz.Document) { d.Issuer = "ZZZ" }), "no state or organisation"},
		"altered":             {altered, "the check digit of the"},
		"altered and expired": {passport(t, func(d *mrz.Document) { d.Issuer, d.Expiry = "ZZZ", mrz.DateOf(time.Now().AddDate(0, 0, -2)) }), "; expired on"},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk(t)
			_, err := d.Perform(t.Context(), d.Task("1", nil, tc.results))
			kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "bad_document", Says: tc.says})
			assert.Empty(t, d.There("1"))
			assert.Zero(t, d.Rows("register"))
		})
	}
}

// What may be accepted is a matter of settings: the agent's file lets specimens
// pass, as the demonstration needs it.
func TestSettings(t *testing.T) {
	d := desk(t)
	_, err := d.Perform(t.Context(), d.Task("1", nil, passport(t)))
	require.NoError(t, err, "a passport of Utopia")
}

// What is only suspicious goes on, for risk-scoring to weigh.
func TestFindings(t *testing.T) {
	d := desk(t)
	result, err := d.Perform(t.Context(), d.Task("1", nil, passport(t, func(d *mrz.Document) { d.Birth = mrz.Date{Year: 1985} })))
	require.NoError(t, err)
	assert.Contains(t, result, `"birth-incomplete"`)
	assert.Contains(t, result, `"review"`)
}

// A passport serves one applicant at a time.
func TestSomebodyElsesPassport(t *testing.T) {
	d := desk(t)
	hers, his := d.Task("hers", nil, passport(t)), d.Task("his", nil, passport(t))
	another := d.Task("another", nil, passport(t, func(doc *mrz.Document) { doc.Number = "U0000002" }))
	_, err := d.Perform(t.Context(), another)
	require.NoError(t, err)
	_, err = d.Perform(t.Context(), hers)
	require.NoError(t, err)
	_, err = d.Perform(t.Context(), his)
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "bad_document", Says: "serves another application: hers"})
	assert.Empty(t, d.There("his"))

	// Undoing the refused application does not free what is not its own.
	require.ErrorIs(t, d.Undo(t.Context(), "his"), agent.ErrNothingFound)
	again := d.Task("his again", nil, passport(t))
	_, err = d.Perform(t.Context(), again)
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "bad_document"})

	require.NoError(t, d.Undo(t.Context(), "hers"))
	_, err = d.Perform(t.Context(), again)
	require.NoError(t, err, "it was released")
	assert.Equal(t, 2, d.Rows("register"), "and no other was")
}

// Of two who show one passport at the same moment, one is first.
func TestOnePassportAtOnce(t *testing.T) {
	d := desk(t)
	var all sync.WaitGroup
	var errs [6]error
	for i := range errs {
		task := d.Task(string(rune('a'+i)), nil, passport(t))
		all.Go(func() { _, errs[i] = d.Perform(t.Context(), task) })
	}
	all.Wait()
	passed := 0
	for _, err := range errs {
		if err == nil {
			passed++
			continue
		}
		kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "bad_document"})
	}
	assert.Equal(t, 1, passed)
	assert.Equal(t, 1, d.Rows("register"))
}

func TestWithoutTheStepBefore(t *testing.T) {
	d := desk(t)
	_, err := d.Perform(t.Context(), d.Task("1", nil, nil))
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Transient, Says: `result of step "id-extraction"`})
}
