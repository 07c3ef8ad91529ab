package events_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
)

func TestRefOf(t *testing.T) {
	r := events.RefOf([]byte("abc")) // the vector of FIPS 180-4
	assert.Equal(t, events.Ref{Digest: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Size: 3}, r)
	assert.Equal(t, r.Digest, "sha256:"+r.Sum())
	require.NoError(t, r.Validate())
	require.NoError(t, r.Check([]byte("abc")))
	require.NoError(t, events.RefOf(nil).Validate())

	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.JSONEq(t, `{"digest":"`+r.Digest+`","size":3}`, string(text))
}

func TestRefCheck(t *testing.T) {
	r := events.RefOf([]byte("abc"))
	for _, other := range []string{"", "ab", "abd", "abcd"} {
		err := r.Check([]byte(other))
		assert.ErrorIs(t, err, events.ErrCorrupt, other)
		assert.ErrorContains(t, err, events.RefOf([]byte(other)).Digest)
	}
	r.Size++
	assert.ErrorIs(t, r.Check([]byte("abc")), events.ErrCorrupt, "its size counts too")
}

// Anybody may have written a reference, and its digest ends up in a subject.
func TestRefValidate(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		ref  events.Ref
		want string
	}{
		"nothing":          {events.Ref{}, `reference: the digest is "", want sha256: and 64 hexadecimal digits`},
		"no prefix":        {events.Ref{Digest: sum}, "want sha256:"},
		"another sum":      {events.Ref{Digest: "sha512:" + sum}, "want sha256:"},
		"too short":        {events.Ref{Digest: "sha256:" + sum[1:]}, "want sha256:"},
		"too long":         {events.Ref{Digest: "sha256:" + sum + "0"}, "want sha256:"},
		"capitals":         {events.Ref{Digest: "sha256:" + sum[1:] + "A"}, "want sha256:"},
		"a subject":        {events.Ref{Digest: "sha256:" + sum[1:] + ">"}, "want sha256:"},
		"below zero":       {events.Ref{Digest: "sha256:" + sum, Size: -1}, "reference sha256:" + sum + ": the size is -1, want 0 to 67108864"},
		"more than we may": {events.Ref{Digest: "sha256:" + sum, Size: events.MaxResult + 1}, "the size is 67108865"},
	} {
		t.Run(name, func(t *testing.T) { assert.ErrorContains(t, c.ref.Validate(), c.want) })
	}
	assert.NoError(t, events.Ref{Digest: "sha256:" + sum, Size: events.MaxResult}.Validate())
}
