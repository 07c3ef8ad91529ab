package events_test

import (
	"encoding/json"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
)

func TestDuration(t *testing.T) {
	for d, text := range map[time.Duration]string{
		0:                                       `"0s"`,
		1:                                       `"0.000000001s"`,
		1250 * time.Millisecond:                 `"1.25s"`,
		2 * time.Second:                         `"2s"`,
		100 * time.Second:                       `"100s"`,
		36 * time.Hour:                          `"129600s"`,
		math.MaxInt64:                           `"9223372036.854775807s"`,
		365*24*time.Hour + 300*time.Millisecond: `"31536000.3s"`,
		365*24*time.Hour + 123456789*time.Nanosecond: `"31536000.123456789s"`,
	} {
		got, err := json.Marshal(events.Duration(d))
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
		var back events.Duration
		require.NoError(t, json.Unmarshal(got, &back))
		assert.Equal(t, d, time.Duration(back))
	}
}

func TestDurationsRead(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"1.5s"`: 1500 * time.Millisecond, `"01s"`: time.Second, `".5s"`: 500 * time.Millisecond, `"1.0000000000000s"`: time.Second,
	} {
		var d events.Duration
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		assert.Equal(t, want, time.Duration(d), text)
	}
	for _, text := range []string{
		`1`, `1.5`, `true`, `{}`, `""`, `"s"`, `"."`, `"1"`, `"1.s.s"`, `"1.2.3s"`, `"-1s"`, `"+1s"`, `"1m"`, `"1ms"`, `"1m0s"`, `"1h"`, `" 1s"`, `"1 s"`,
		`"1e3s"`, `"infs"`, `"9223372037s"`, `"99999999999999999999999999s"`,
	} {
		d := events.Duration(7)
		assert.ErrorContains(t, json.Unmarshal([]byte(text), &d), "1.25s", text)
		assert.Equal(t, events.Duration(7), d, text)
	}
}

func TestDurationNull(t *testing.T) {
	f := events.Failure{Due: 7}
	require.NoError(t, json.Unmarshal([]byte(`{"due": null}`), &f))
	assert.Equal(t, events.Duration(7), f.Due)
}

func TestDurationBelowZero(t *testing.T) {
	_, err := json.Marshal(events.Duration(-time.Second))
	assert.ErrorContains(t, err, "duration -1s is below zero")
}

var protobuf = regexp.MustCompile(`^"[0-9]+(\.[0-9]{1,9})?s"$`)

func FuzzDuration(f *testing.F) {
	f.Add(int64(0), `"1.25s"`)
	f.Add(int64(math.MaxInt64), `"9223372036.854775807s"`)
	f.Fuzz(func(t *testing.T, nanos int64, text string) {
		if nanos >= 0 {
			written, err := json.Marshal(events.Duration(nanos))
			require.NoError(t, err)
			assert.Regexp(t, protobuf, string(written))
			var back events.Duration
			require.NoError(t, json.Unmarshal(written, &back))
			assert.Equal(t, events.Duration(nanos), back)
		}
		var d events.Duration
		if json.Unmarshal([]byte(text), &d) == nil {
			assert.GreaterOrEqual(t, d, events.Duration(0))
			_, err := json.Marshal(d)
			assert.NoError(t, err)
		}
	})
}
