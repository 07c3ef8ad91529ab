package casefile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/casefile"
)

var at = time.Date(2026, 3, 14, 15, 9, 26, 535, time.UTC)

// history is a saga whose first step has a large result and whose second was refused.
func history(large []byte) []events.Event {
	list := []events.Event{
		{Subject: events.TaskSubject("kyc", "1"), Source: "shop", Rerun: &events.Rerun{Of: "0"}, Data: json.RawMessage(`{"name":"Ada Lovelace","age":36,"tags":["x","Ada Lovelace"],"id":12345678901234567890}`)},
		{Subject: events.ClaimSubject("kyc", "scan", 1, "1"), TraceParent: "00-1", Data: encoded(events.Claim{Agent: "scan"})},
	}
	done := events.Done{Agent: "scan", Attempt: 1, Undo: json.RawMessage(`{"of":"Ada Lovelace"}`), Context: &events.Context{Task: list[0].Data}}
	ref := events.RefOf(large)
	done.ResultRef = &ref
	failure := events.Failure{
		Agent: "face", Class: events.Refused, Left: events.LeftNothing, Then: events.ThenBack,
		Error: events.Error{Code: "no_face", Message: "no face of Ada Lovelace <36>"}, Raw: &events.Raw{Text: `{"who":"Ada Lovelace"}`},
	}
	list = append(
		list,
		events.Event{Subject: events.Subject{Type: "kyc", Step: "scan", Kind: events.Completed, ID: "1"}, Data: encoded(done)},
		events.Event{Subject: events.ClaimSubject("kyc", "face", 1, "1"), Data: encoded(events.Claim{Agent: "face", After: []string{"scan"}})},
		events.Event{Subject: events.Subject{Type: "kyc", Step: "face", Kind: events.Failed, N: 1, ID: "1"}, Data: encoded(failure)},
		events.Event{Subject: events.LatchSubject("kyc", "1"), Data: encoded(events.Turn{Reason: events.ReasonFailed, Error: &failure.Error})},
		events.Event{Subject: events.Subject{Type: "kyc", Step: "scan", Kind: events.Compensate, Agent: "scan", ID: "1"}, Data: encoded(events.UndoOrder{Attempt: 1, Undo: done.Undo})},
	)
	for i := range list {
		list[i].Seq, list[i].Time, list[i].ID = uint64(10+i), at.Add(time.Duration(i)*time.Second), string(rune('a'+i))
	}
	return list
}

func encoded(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

var large = []byte(`{"mrz":"LOVELACE<<ADA","name":"Ada Lovelace"}`)

func exported(t *testing.T) *casefile.Case {
	t.Helper()
	log := eventtest.NewLog()
	t.Cleanup(log.Close)
	require.NoError(t, log.Ensure(t.Context(), "kyc"))
	_, err := log.Put(t.Context(), "kyc", large)
	require.NoError(t, err)
	c, err := casefile.New(history(large), at)
	require.NoError(t, err)
	require.NoError(t, c.Embed(t.Context(), log))
	return c
}

// What was written is read again, to the last bit, on many lines or on one.
func TestRoundTrip(t *testing.T) {
	c := exported(t)
	for name, write := range map[string]func(*casefile.Case, *bytes.Buffer) error{
		"indented": func(c *casefile.Case, b *bytes.Buffer) error { return c.Write(b) },
		"a line":   func(c *casefile.Case, b *bytes.Buffer) error { return c.WriteLine(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			require.NoError(t, write(c, &text))
			require.NoError(t, write(c, &text))
			n := 0
			require.NoError(t, casefile.Each(&text, func(got *casefile.Case) error {
				n++
				back, err := got.History()
				require.NoError(t, err)
				require.Equal(t, history(large), back)
				data, err := got.Get(t.Context(), "kyc", events.RefOf(large))
				require.NoError(t, err)
				require.Equal(t, string(large), string(data))
				return nil
			}))
			require.Equal(t, 2, n)
		})
	}
	require.EqualValues(t, "unwinding", c.Status)
}

// A task need not be JSON, nor text.
func TestDataThatIsNoJSON(t *testing.T) {
	for _, data := range []string{"not json", "\xff\xfe", ""} {
		list := []events.Event{{Subject: events.TaskSubject("kyc", "1"), Seq: 1, Time: at, ID: "a", Data: json.RawMessage(data)}}
		c, err := casefile.New(list, at)
		require.NoError(t, err)
		var text bytes.Buffer
		require.NoError(t, c.Write(&text))
		require.NoError(t, casefile.Each(&text, func(c *casefile.Case) error {
			back, err := c.History()
			require.Equal(t, data, string(back[0].Data))
			return err
		}))
	}
}

func TestALargeResultThatIsGone(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	require.NoError(t, log.Ensure(t.Context(), "kyc"))
	c, err := casefile.New(history(large), at)
	require.NoError(t, err)
	require.ErrorIs(t, c.Embed(t.Context(), log), events.ErrNoObject)
	_, err = c.Get(t.Context(), "kyc", events.RefOf(large))
	require.ErrorIs(t, err, events.ErrNoObject)
}

func TestRedact(t *testing.T) {
	text := func(c *casefile.Case) string {
		var b bytes.Buffer
		require.NoError(t, c.WriteLine(&b))
		return b.String()
	}
	t.Run("a part of the task, wherever it is", func(t *testing.T) {
		c := exported(t)
		require.NoError(t, c.Redact("/task/name", "task.age"))
		got := text(c)
		require.NotContains(t, got, "Ada Lovelace")
		require.Contains(t, got, `{"age":0,"id":12345678901234567890,"name":"redacted-1","tags":["x","redacted-1"]}`)
		require.Contains(t, got, `no face of redacted-1 <36>`)
		require.Contains(t, got, `{\"who\":\"redacted-1\"}`)
		require.Contains(t, got, `"undo":{"of":"redacted-1"}`)
		require.Contains(t, got, `LOVELACE<<ADA`, "what an agent made of it is not known")
		require.Equal(t, []string{"/task/name", "task.age"}, c.Redacted)
		_, err := c.State()
		require.NoError(t, err)
	})
	t.Run("results, undo tokens and errors", func(t *testing.T) {
		c := exported(t)
		require.NoError(t, c.Redact("/results/scan/mrz", "/undo/*", "/errors"))
		got := text(c)
		require.NotContains(t, got, "LOVELACE<<ADA")
		require.NotContains(t, got, "no face of")
		require.Contains(t, got, `"code":"no_face"`)
		require.Contains(t, got, `"agent":"scan"`)
	})
	t.Run("the whole task", func(t *testing.T) {
		c := exported(t)
		require.NoError(t, c.Redact("/task"))
		require.NotContains(t, text(c), "12345678901234567890")
		require.Equal(t, 2, strings.Count(text(c), `{"age":0,"id":0,"name":"redacted-`))
	})
	t.Run("as a key, and as a reason to run it again", func(t *testing.T) {
		list := history(large)
		list[0].Rerun = &events.Rerun{Of: "0", Reason: "Ada Lovelace asked for it"}
		list[4].Data = encoded(events.Claim{Agent: "face"})
		list[0].Data = json.RawMessage(`{"name":"Ada Lovelace","by":{"Ada Lovelace":1}}`)
		c, err := casefile.New(list, at)
		require.NoError(t, err)
		require.NoError(t, c.Redact("/task/name"))
		require.Equal(t, 0, strings.Count(text(c), "Ada Lovelace"), text(c))
		require.Contains(t, text(c), `"by":{"redacted-1":1}`)
		require.Equal(t, "Ada Lovelace asked for it", list[0].Rerun.Reason, "the history itself is left alone")
	})
	t.Run("words that the protocol has too", func(t *testing.T) {
		list := history(large)
		list[0].Data = json.RawMessage(`{"a":"nothing","b":"back","c":"scan","d":"face","e":"failed","f":"refused","g":"agent","h":"result","i":"reason"}`)
		c, err := casefile.New(list, at)
		require.NoError(t, err)
		before, err := c.State()
		require.NoError(t, err)
		require.NoError(t, c.Redact("/task"))
		after, err := c.State()
		require.NoError(t, err)
		require.Equal(t, before.Turn.Reason, after.Turn.Reason)
		require.Equal(t, before.Step("face").Last().Claim, after.Step("face").Last().Claim)
		failed, is := before.Step("face").Last().Failure, after.Step("face").Last().Failure
		require.Equal(t, []any{failed.Agent, failed.Class, failed.Left, failed.Then}, []any{is.Agent, is.Class, is.Left, is.Then})
	})
	t.Run("a slip of the pen", func(t *testing.T) {
		require.ErrorIs(t, exported(t).Redact("/task/nam"), casefile.ErrNothingRedacted)
		require.ErrorContains(t, exported(t).Redact("/tusk/name"), "want /task/")
		require.ErrorContains(t, exported(t).Redact("/results"), "want /task/")
		require.ErrorContains(t, exported(t).Redact("/task//name"), "a key is empty")
	})
}

func TestWhatIsNoCase(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                  "read case 1: it is no case: unwind_case is missing",
		`{"unwind_case": 2}`:  "read case 1: it has version 2, and this program reads up to 1",
		`{"unwind_case": 1}`:  "there are no events",
		`{"unwind_case": "1"`: "read case 1: ",
		`{"unwind_case": 1, "type": "kyc", "id": "2", "events": [{"seq": 1, "subject": "saga.kyc.task.submitted.1"}]}`:                                                   "event 1 is of another saga",
		`{"unwind_case": 1, "type": "kyc", "id": "1", "events": [{"seq": 1, "subject": "no"}]}`:                                                                          "case kyc/1: event 1: parse subject",
		`{"unwind_case": 1, "type": "kyc", "id": "1", "events": [{"seq": 2, "subject": "saga.kyc.task.submitted.1"}, {"seq": 2, "subject": "saga.kyc.scan.started.1"}]}`: "event 2 has sequence 2, after 2",
	} {
		require.ErrorContains(t, casefile.Each(strings.NewReader(text), func(*casefile.Case) error { return nil }), want)
	}
	file := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := casefile.Load(file)
	require.ErrorContains(t, err, "it is empty")
	_, err = casefile.Load("nowhere.json")
	require.ErrorIs(t, err, os.ErrNotExist)
	enough := errors.New("enough")
	var b bytes.Buffer
	require.NoError(t, exported(t).Write(&b))
	require.ErrorIs(t, casefile.Each(&b, func(*casefile.Case) error { return enough }), enough)
}
