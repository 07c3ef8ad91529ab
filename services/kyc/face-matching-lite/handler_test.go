package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
	"github.com/unwind-saga/unwind/services/kyc/kyctest"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

func desk(t testing.TB) *kyctest.Desk { return kyctest.Open(t, kyctest.World(t), open, schema) }

func TestBarrier(t *testing.T) {
	kyctest.Suite(t, kyctest.Case{Open: desk, Person: world.Someone(0), Table: "comparisons"})
}

// Its result has the form of the primary's, and says whose it is: its figures
// are not the primary's.
func TestMatch(t *testing.T) {
	d := desk(t)
	result, err := d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, world.Someone(0)), nil))
	require.NoError(t, err)
	var l kyc.Likeness
	require.NoError(t, json.Unmarshal([]byte(result), &l))
	assert.Equal(t, "face-matching-lite", l.By)
	assert.Equal(t, face.QuickMatch, l.Threshold)
	assert.GreaterOrEqual(t, l.Similarity, l.Threshold)
}

func TestRefused(t *testing.T) {
	wall, err := specimen.Encode(specimen.Blank())
	require.NoError(t, err)
	stranger := world.Someone(3)
	stranger.Selfie = 5
	selfie := func(picture []byte) []byte {
		return kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) { a.Selfie = picture })
	}
	for name, tc := range map[string]struct {
		payload    []byte
		code, says string
	}{
		"somebody else":   {kyctest.Payload(t, stranger), "no_match", "somebody else"},
		"a wall":          {selfie(wall), "bad_picture", "no face"},
		"words":           {selfie([]byte("me at the sea")), "bad_picture", "neither a png nor a jpeg"},
		"no picture":      {selfie(nil), "bad_picture", "0 bytes"},
		"no portrait":     {kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) { a.Document.Portrait = wall }), "bad_picture", "no face"},
		"no applicant":    {[]byte(`[]`), "bad_applicant", "read applicant"},
		"half of a jpeg":  {selfie(wall[:len(wall)/2]), "bad_picture", "decode jpeg"},
		"jpeg's own name": {selfie(wall[:3]), "bad_picture", "decode header of jpeg"},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk(t)
			_, err := d.Perform(t.Context(), d.Task("1", tc.payload, nil))
			kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Refused, Code: tc.code, Says: tc.says})
			assert.Empty(t, d.There("1"))
			assert.Zero(t, d.Rows("comparisons"))
		})
	}
}
