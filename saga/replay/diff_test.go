package replay_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/replay"
)

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct {
		was, now string
		ignore   []string
		want     []string
	}{
		"the same":           {was: `{"a":1,"b":[1,"x",null]}`, now: `{"b":[1,"x",null],"a":1}`},
		"numbers":            {was: `[1, 1e2, 0.10, 12345678901234567890]`, now: `[1.0, 100, 0.1, 12345678901234567890]`},
		"large numbers":      {was: `12345678901234567890`, now: `12345678901234567891`, want: []string{"/ is 12345678901234567891, was 12345678901234567890"}},
		"immense numbers":    {was: `1e999999999`, now: `10e999999998`, want: []string{"/ is 10e999999998, was 1e999999999"}},
		"a value":            {was: `{"a":{"b":1}}`, now: `{"a":{"b":2}}`, want: []string{"/a/b is 2, was 1"}},
		"a type":             {was: `{"a":1}`, now: `{"a":"1"}`, want: []string{`/a is "1", was 1`}},
		"a new key":          {was: `{}`, now: `{"a":null}`, want: []string{"/a is null, and was not there"}},
		"a missing key":      {was: `{"a":[]}`, now: `{}`, want: []string{"/a is not there, and was []"}},
		"a longer list":      {was: `[1]`, now: `[1,2]`, want: []string{"/1 is 2, and was not there"}},
		"nothing any more":   {was: `{}`, now: ``, want: []string{"/ is not there, and was {}"}},
		"nothing at all":     {},
		"a key with a slash": {was: `{"a/b~":1}`, now: `{"a/b~":2}`, want: []string{"/a~1b~0 is 2, was 1"}},
		"ignored":            {was: `{"at":1,"a":1}`, now: `{"at":2,"a":2}`, ignore: []string{"at"}, want: []string{"/a is 2, was 1"}},
		"ignored below":      {was: `{"f":[{"id":1,"x":1}]}`, now: `{"f":[{"id":2,"x":2}]}`, ignore: []string{"/f/*/id"}, want: []string{"/f/0/x is 2, was 1"}},
		"ignored as a whole": {was: `{"f":{"a":1}}`, now: `{"f":[]}`, ignore: []string{".f"}},
	} {
		t.Run(name, func(t *testing.T) {
			ignore, err := replay.ParseIgnoring(c.ignore)
			require.NoError(t, err)
			var got []string
			for _, change := range replay.Diff(json.RawMessage(c.was), json.RawMessage(c.now), ignore) {
				got = append(got, change.String())
			}
			require.Equal(t, c.want, got)
		})
	}
	for _, wrong := range []string{"", "/", "/a//b", "a."} {
		_, err := replay.ParseIgnoring([]string{wrong})
		require.ErrorContains(t, err, "want a JSON pointer", wrong)
	}
}

func TestCompare(t *testing.T) {
	done := func(text string) replay.Was {
		return replay.Was{Outcome: agent.Outcome{Done: &agent.Work{Result: json.RawMessage(text)}}}
	}
	failed := func(class events.Class, code string) replay.Was {
		return replay.Was{Outcome: agent.Outcome{Failed: &saga.Setback{Class: class, Error: events.Error{Code: code}}}}
	}
	pending := func(question string) replay.Was {
		return replay.Was{Outcome: agent.Outcome{Pending: &events.Wait{WaitsFor: "a person", Question: question}}}
	}
	skipped := replay.Was{Outcome: agent.Outcome{Skipped: true}}
	undone := replay.Was{Found: events.FoundUndone}
	nothing := replay.Was{Found: events.FoundNothing}
	stuck := replay.Was{Failed: &events.Error{Code: "unknown"}}
	for name, c := range map[string]struct {
		was, now replay.Was
		want     replay.Verdict
	}{
		"completed alike":         {done(`1`), done(`1.0`), replay.Same},
		"completed otherwise":     {done(`1`), done(`2`), replay.Differs},
		"fails now":               {done(`1`), failed(events.Refused, "no"), replay.Fails},
		"fails no more":           {failed(events.Refused, "no"), done(`1`), replay.Mended},
		"fails alike":             {failed(events.Refused, "no"), failed(events.Refused, "no"), replay.Same},
		"fails otherwise":         {failed(events.Refused, "no"), failed(events.Refused, "late"), replay.Differs},
		"fails in another class":  {failed(events.Refused, "no"), failed(events.Transient, "no"), replay.Differs},
		"asks alike":              {pending("is it her?"), pending("is it her?"), replay.Same},
		"asks something else":     {pending("is it her?"), pending("is it him?"), replay.Differs},
		"answers at once":         {pending("is it her?"), done(`1`), replay.Differs},
		"is skipped":              {done(`1`), skipped, replay.Differs},
		"is skipped as ever":      {skipped, skipped, replay.Same},
		"is not skipped any more": {skipped, done(`1`), replay.Differs},
		"nobody knows":            {replay.Was{}, failed(events.Refused, "no"), replay.Uncompared},
		"undone":                  {undone, nothing, replay.Same},
		"not undone any more":     {undone, stuck, replay.Fails},
		"undone at last":          {stuck, undone, replay.Mended},
		"stuck as ever":           {stuck, stuck, replay.Same},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := replay.Compare(c.was, c.now, nil)
			require.Equal(t, c.want, got)
		})
	}
}
