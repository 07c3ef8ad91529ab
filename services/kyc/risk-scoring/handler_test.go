package main

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/kyctest"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
	"github.com/unwind-saga/unwind/services/kyc/risk"
	"github.com/unwind-saga/unwind/services/kyc/rules"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

func desk(t testing.TB) *kyctest.Desk { return kyctest.Open(t, kyctest.World(t), open, schema) }

// results are those of the steps before, for a person and a likeness.
func results(t testing.TB, p world.Person, similarity float64, findings ...rules.Finding) map[string]any {
	t.Helper()
	a, err := applicant.Read(kyctest.Payload(t, p))
	require.NoError(t, err)
	doc, err := mrz.Parse(a.Document.MRZ, time.Now())
	require.NoError(t, err)
	return map[string]any{
		"id-extraction":       doc,
		"document-validation": map[string]any{"findings": findings},
		"face-matching":       kyc.Likeness{By: "face-matching", Face: risk.Face{Similarity: similarity, Threshold: 0.5}},
	}
}

func TestBarrier(t *testing.T) {
	anna := world.Someone(0)
	kyctest.Suite(t, kyctest.Case{Open: desk, Person: anna, Results: results(t, anna, 0.8), Table: "cases"})
}

func TestAssess(t *testing.T) {
	anna, james := world.Someone(0), world.Wanted(0)
	incomplete := rules.Finding{Code: rules.BirthIncomplete, Severity: rules.Review, Detail: "born in 1985"}
	called := func(name string) func(*applicant.Applicant) { return func(a *applicant.Applicant) { a.Name = name } }
	for _, tc := range []struct {
		name    string
		payload []byte
		results map[string]any
		score   int
		refused string // part of the reasons; "": passes
	}{
		{"nothing against her", kyctest.Payload(t, anna), results(t, anna, 0.8), 0, ""},
		{"a finding, and a face that is hardly alike", kyctest.Payload(t, anna), results(t, anna, 0.5, incomplete), 30, ""},
		{"a sanctioned passport", kyctest.Payload(t, james), results(t, james, 0.8), 0, "screening 80 (like MORIARTY, James"},
		{"a sanctioned name beside another's passport", kyctest.Payload(t, anna, called("Джеймс Мориарти")), results(t, james, 0.8), 0, "MORIARTY"},
		{"sanctioned by the passport alone", kyctest.Payload(t, james, called("Anna Eriksson")), results(t, james, 0.8), 0, "MORIARTY"},
		{"a face below its threshold", kyctest.Payload(t, anna), results(t, anna, 0.4), 0, "face 100"},
		{"a document that should not have come here", kyctest.Payload(t, anna), results(t, anna, 0.8, rules.Finding{Code: rules.Expired, Severity: rules.Refuse}), 0, "document 100"},
		{"a finding alone", kyctest.Payload(t, anna), results(t, anna, 0.8, incomplete), 10, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := desk(t)
			result, err := d.Perform(t.Context(), d.Task("1", tc.payload, tc.results))
			if tc.refused != "" {
				kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "risk", Says: tc.refused})
				assert.Empty(t, d.There("1"))
				assert.Zero(t, d.Rows("cases"))
				return
			}
			require.NoError(t, err)
			var a risk.Assessment
			require.NoError(t, json.Unmarshal([]byte(result), &a))
			assert.Equal(t, tc.score, a.Score, "%+v", a)
			assert.Equal(t, 70, a.RefuseAt, "as in agent.yaml")
		})
	}
}

// A person who is on the list under two names is one suspicion, and not two.
func TestOneEntryCountsOnce(t *testing.T) {
	d := desk(t)
	james := world.Wanted(0)
	payload := kyctest.Payload(t, james, func(a *applicant.Applicant) { a.Name = "Jacobus Sigerson" })
	_, err := d.Perform(t.Context(), d.Task("1", payload, results(t, james, 0.8)))
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "risk", Says: "risk 80 of 100"})
}

func TestWithoutTheStepsBefore(t *testing.T) {
	anna := world.Someone(0)
	payload, all := kyctest.Payload(t, anna), results(t, anna, 0.8)
	for step := range all {
		t.Run(step, func(t *testing.T) {
			d := desk(t)
			rest := maps.Clone(all)
			delete(rest, step)
			_, err := d.Perform(t.Context(), d.Task("1", payload, rest))
			kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Transient, Says: step})
			assert.Empty(t, d.There("1"))
		})
	}
	d := desk(t)
	_, err := d.Perform(t.Context(), d.Task("1", []byte("{"), all))
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: "bad_applicant"})
}
