package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

// Whoever is named can apply, and again: the agents would refuse a passport that
// somebody applied with before.
func TestApplications(t *testing.T) {
	passports := map[string]bool{}
	for _, name := range []string{"Anna", "James", "anna"} {
		task, err := application(name)
		require.NoError(t, err)
		a, err := applicant.Read(task)
		require.NoError(t, err)
		d, err := mrz.Parse(a.Document.MRZ, time.Now())
		require.NoError(t, err)
		passports[d.Number] = true
	}
	assert.Len(t, passports, 3)

	_, err := application("Bob")
	assert.ErrorContains(t, err, "there are Anna, Bruno")
	assert.ErrorContains(t, run([]string{"apply"}, "", ""), "want nothing, or: apply NAME")
}
