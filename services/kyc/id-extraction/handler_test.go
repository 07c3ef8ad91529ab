package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/kyctest"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

func desk(t testing.TB) *kyctest.Desk { return kyctest.Open(t, kyctest.World(t), open, schema) }

func TestBarrier(t *testing.T) {
	kyctest.Suite(t, kyctest.Case{Open: desk, Person: world.Someone(0), Table: "records"})
}

func TestRead(t *testing.T) {
	d, anna := desk(t), world.Someone(0)
	result, err := d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, anna), nil))
	require.NoError(t, err)
	var doc mrz.Document
	require.NoError(t, json.Unmarshal([]byte(result), &doc))
	assert.Equal(t, "ERIKSSON", doc.Surname)
	assert.Equal(t, "ANNA", doc.GivenNames)
	assert.Equal(t, anna.Passport, doc.Number)
	assert.Equal(t, anna.Birth, doc.Birth)
	assert.Len(t, doc.Checks, 5)
}

// A digit that does not check can be read: whether it is good enough is for
// document-validation to say.
func TestAlteredZone(t *testing.T) {
	d := desk(t)
	result, err := d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) {
		line := []byte(a.Document.MRZ[1])
		line[9] = '0' + (line[9]-'0'+1)%10
		a.Document.MRZ[1] = string(line)
	}), nil))
	require.NoError(t, err)
	var doc mrz.Document
	require.NoError(t, json.Unmarshal([]byte(result), &doc))
	assert.False(t, doc.Checks[0].OK())
}

func TestRefused(t *testing.T) {
	zone := func(lines ...string) []byte {
		return kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) { a.Document.MRZ = lines })
	}
	whole := func(change func(first, second string) []string) []byte {
		return kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) {
			a.Document.MRZ = change(a.Document.MRZ[0], a.Document.MRZ[1])
		})
	}
	for name, tc := range map[string]struct {
		payload []byte
		code    string
	}{
		"no applicant":          {[]byte(`{"nme":"Anna"}`), "bad_applicant"},
		"two applicants":        {[]byte(`{} {}`), "bad_applicant"},
		"no zone":               {zone(), "unreadable_zone"},
		"words":                 {zone("a passport", "of Anna's"), "unreadable_zone"},
		"a line too short":      {whole(func(a, b string) []string { return []string{a, b[:43]} }), "unreadable_zone"},
		"one line only":         {whole(func(a, _ string) []string { return []string{a} }), "unreadable_zone"},
		"no letter of the zone": {whole(func(a, b string) []string { return []string{a, "?" + b[1:]} }), "unreadable_zone"},
		"a visa":                {whole(func(a, b string) []string { return []string{"V" + a[1:], b} }), "unreadable_zone"},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk(t)
			_, err := d.Perform(t.Context(), d.Task("1", tc.payload, nil))
			kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: tc.code})
			assert.Empty(t, d.There("1"))
			assert.Zero(t, d.Rows("records"))
		})
	}
}
