package events_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
)

// legal has a subject of each kind as it stands on the wire, and more where
// the qualifier allows surprises.
var legal = []struct {
	wire    string
	subject events.Subject
	guard   string // "" for none
}{
	{"saga.kyc.task.submitted.42", events.Subject{Kind: events.Submitted}, ""},
	{"saga.kyc.task.rejected.42", events.Subject{Kind: events.Rejected}, ""},
	{"saga.kyc.face.started.42", events.Subject{Kind: events.Started, Step: "face"}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.face.attempt-2.42", events.Subject{Kind: events.Attempt, Step: "face", N: 2}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.face.attempt-999.42", events.Subject{Kind: events.Attempt, Step: "face", N: 999}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.face.failed-1.42", events.Subject{Kind: events.Failed, Step: "face", N: 1}, "saga.kyc.face.attempt-2.42"},
	{"saga.kyc.face.failed-12.42", events.Subject{Kind: events.Failed, Step: "face", N: 12}, "saga.kyc.face.attempt-13.42"},
	{"saga.kyc.face.pending-3.42", events.Subject{Kind: events.Pending, Step: "face", N: 3}, "saga.kyc.face.attempt-4.42"},
	{"saga.kyc.face.answered-9.42", events.Subject{Kind: events.Answered, Step: "face", N: 9}, ""},
	{"saga.kyc.face.fallback-face-lite.42", events.Subject{Kind: events.Fallback, Step: "face", Agent: "face-lite"}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.face.completed.42", events.Subject{Kind: events.Completed, Step: "face"}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.face.skipped.42", events.Subject{Kind: events.Skipped, Step: "face"}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.saga.committed.42", events.Subject{Kind: events.Committed}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.saga.unwinding.42", events.Subject{Kind: events.Unwinding}, "saga.kyc.saga.committed.42"},
	{"saga.kyc.face.compensate-face.42", events.Subject{Kind: events.Compensate, Step: "face", Agent: "face"}, ""},
	{"saga.kyc.face.compensate-a-2-b-.42", events.Subject{Kind: events.Compensate, Step: "face", Agent: "a-2-b-"}, ""},
	{"saga.kyc.face.compensated-face.42", events.Subject{Kind: events.Compensated, Step: "face", Agent: "face"}, ""},
	{"saga.kyc.face.undofailed-1-face.42", events.Subject{Kind: events.UndoFailed, Step: "face", N: 1, Agent: "face"}, ""},
	{"saga.kyc.face.undofailed-12-a-3.42", events.Subject{Kind: events.UndoFailed, Step: "face", N: 12, Agent: "a-3"}, ""},
	{"saga.kyc.face.redo-9-face.42", events.Subject{Kind: events.Redo, Step: "face", N: 9, Agent: "face"}, ""},
	{"saga.kyc.saga.completed.42", events.Subject{Kind: events.SagaCompleted}, "saga.kyc.saga.unwinding.42"},
	{"saga.kyc.saga.compensated.42", events.Subject{Kind: events.SagaCompensated}, ""},
	{"saga.kyc.saga.dismissed.42", events.Subject{Kind: events.Dismissed}, ""},
}

func TestSubjectsPrintAndParse(t *testing.T) {
	kinds := map[events.Kind]bool{}
	for _, c := range legal {
		t.Run(c.wire, func(t *testing.T) {
			want := c.subject
			want.Type, want.ID = "kyc", "42"
			assert.Equal(t, c.wire, want.String())
			got, err := events.Parse(c.wire)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.NoError(t, got.Validate())
			assert.Equal(t, strings.TrimSuffix(c.wire, "42")+"*", got.Filter())
			assert.Equal(t, strings.Split(c.wire, ".")[3], got.Event())

			guard, ok := got.Guard()
			assert.Equal(t, c.guard != "", ok)
			if ok {
				assert.Equal(t, c.guard, guard.String())
			}
			assert.Equal(t, c.guard == "saga.kyc.saga.unwinding.42", got.Kind.Forward())
			kinds[got.Kind] = true
		})
	}
	for _, k := range events.Kinds() {
		assert.True(t, kinds[k], "no case of kind %s", k)
	}
}

func TestIllegalSubjects(t *testing.T) {
	for wire, reason := range map[string]string{
		"":                                    "it has 1 tokens, an event has 5: saga.<type>.<step>.<event>.<id>",
		"saga.kyc.face.started":               "it has 4 tokens, an event has 5: saga.<type>.<step>.<event>.<id>",
		"saga.kyc.face.failed.2.42":           "it has 6 tokens, an event has 5: saga.<type>.<step>.<event>.<id>",
		"SAGA.kyc.face.started.42":            `it begins with "SAGA", an event begins with "saga"`,
		"timer.kyc.face.started.42":           `it begins with "timer", an event begins with "saga"`,
		"saga.kyc.face.exploded.42":           `no event "exploded" of "face"`,
		"saga.kyc.face.Started.42":            `no event "Started" of "face"`,
		"saga.kyc.face..42":                   `no event "" of "face"`,
		"saga.kyc.face.*.42":                  `no event "*" of "face"`,
		"saga.kyc.face.submitted.42":          `no event "submitted" of "face"`,
		"saga.kyc.face.unwinding.42":          `no event "unwinding" of "face"`,
		"saga.kyc.task.started.42":            `no event "started" of "task"`,
		"saga.kyc.task.completed.42":          `no event "completed" of "task"`,
		"saga.kyc.saga.started.42":            `no event "started" of "saga"`,
		"saga.kyc.saga.submitted.42":          `no event "submitted" of "saga"`,
		"saga.kyc.face.started-1.42":          `event "started" takes no qualifier, but has "1"`,
		"saga.kyc.face.completed-.42":         `event "completed" takes no qualifier, but has ""`,
		"saga.kyc.saga.compensated-face.42":   `event "compensated" takes no qualifier, but has "face"`,
		"saga.kyc.face.failed.42":             `event "failed" needs a qualifier`,
		"saga.kyc.face.fallback.42":           `event "fallback" needs a qualifier`,
		"saga.kyc.face.failed-.42":            `event "failed" needs a number, not ""`,
		"saga.kyc.face.failed-x.42":           `event "failed" needs a number, not "x"`,
		"saga.kyc.face.failed--1.42":          `event "failed" needs a number, not ""`,
		"saga.kyc.face.failed-+1.42":          `event "failed" needs a number, not "+1"`,
		"saga.kyc.face.failed-01.42":          `event "failed" needs a number, not "01"`,
		"saga.kyc.face.failed-1e1.42":         `event "failed" needs a number, not "1e1"`,
		"saga.kyc.face.failed-1-x.42":         `qualifier "1-x" of event "failed": want <n>`,
		"saga.kyc.face.undofailed-1.42":       `qualifier "1" of event "undofailed": want <n>-<agent>`,
		"saga.kyc.face.undofailed-face-1.42":  `event "undofailed" needs a number, not "face"`,
		"saga.kyc.face.redo-face.42":          `event "redo" needs a number, not "face"`,
		"saga.kyc.face.failed-0.42":           "subject: failed-0: the number must be 1 to 999",
		"saga.kyc.face.failed-1000.42":        "subject: failed-1000: the number must be 1 to 999",
		"saga.kyc.face.attempt-1.42":          "subject: attempt-1: the number must be 2 to 999",
		"saga.kyc.face.redo-10-face.42":       "subject: redo-10: the number must be 1 to 9",
		"saga.kyc.face.undofailed-0-face.42":  "subject: undofailed-0: the number must be 1 to 999",
		"saga.kyc.face.fallback-.42":          "agent: the name is empty",
		"saga.kyc.face.redo-1-.42":            "agent: the name is empty",
		"saga.kyc.face.fallback-task.42":      `agent "task": the name is reserved`,
		"saga.kyc.face.compensate-saga.42":    `agent "saga": the name is reserved`,
		"saga.kyc.face.fallback-2.42":         `agent "2": the name must begin with a letter a-z`,
		"saga.kyc.face.fallback--a.42":        `agent "-a": the name must begin with a letter a-z`,
		"saga..face.started.42":               "saga type: the name is empty",
		"saga.Kyc.face.started.42":            `saga type "Kyc": the name must begin with a letter a-z`,
		"saga.k_c.face.started.42":            `saga type "k_c": '_' is not allowed, only a-z, 0-9 and -`,
		"saga.*.face.started.42":              `saga type "*": the name must begin with a letter a-z`,
		"saga.kyc..started.42":                "step: the name is empty",
		"saga.kyc.*.started.42":               `step "*": the name must begin with a letter a-z`,
		"saga.kyc.fäce.started.42":            `step "fäce": 'ä' is not allowed, only a-z, 0-9 and -`,
		"saga.kyc.face.started.":              "saga id: it is empty",
		"saga.kyc.face.started.*":             `saga id "*": '*' is not allowed, only A-Z, a-z, 0-9, _ and -`,
		"saga.kyc.face.started.>":             `saga id ">": '>' is not allowed, only A-Z, a-z, 0-9, _ and -`,
		"saga.kyc.face.started.4 2":           `saga id "4 2": ' ' is not allowed, only A-Z, a-z, 0-9, _ and -`,
		"saga.kyc.face.started.42\n":          `saga id "42\n": '\n' is not allowed, only A-Z, a-z, 0-9, _ and -`,
		"saga.kyc.face.started.\xff":          `saga id "\xff": '�' is not allowed, only A-Z, a-z, 0-9, _ and -`,
		"saga." + long(64) + ".a.started.42":  `saga type "` + long(64) + `": the name has 64 characters, 63 are allowed`,
		"saga.kyc." + long(64) + ".started.1": `step "` + long(64) + `": the name has 64 characters, 63 are allowed`,
		"saga.kyc.a.started." + long(65):      `saga id "` + long(65) + `": it has 65 characters, 64 are allowed`,
	} {
		t.Run(wire, func(t *testing.T) {
			got, err := events.Parse(wire)
			require.Error(t, err)
			assert.Zero(t, got)
			_, why, _ := strings.Cut(err.Error(), `": `)
			assert.Equal(t, reason, why)
			assert.True(t, strings.HasPrefix(err.Error(), "parse subject "), err)
		})
	}
}

func long(n int) string { return strings.Repeat("a", n) }

func TestLongestNames(t *testing.T) {
	_, err := events.Parse("saga." + long(63) + "." + long(63) + ".undofailed-999-" + long(63) + "." + long(64))
	assert.NoError(t, err)
}

// What was put together by hand can be wrong in ways that no wire can.
func TestIllegalSubjectsByHand(t *testing.T) {
	for reason, s := range map[string]events.Subject{
		"subject: unknown kind 0":  {Type: "kyc", ID: "42"},
		"subject: unknown kind 99": {Type: "kyc", ID: "42", Kind: 99},
		`subject: submitted is no event of a step, but names step "face"`:      {Type: "kyc", ID: "42", Kind: events.Submitted, Step: "face"},
		`subject: saga.completed is no event of a step, but names step "saga"`: {Type: "kyc", ID: "42", Kind: events.SagaCompleted, Step: "saga"},
		"subject: started takes no number, but has 1":                          {Type: "kyc", ID: "42", Kind: events.Started, Step: "face", N: 1},
		`subject: started names no agent, but has "face"`:                      {Type: "kyc", ID: "42", Kind: events.Started, Step: "face", Agent: "face"},
		`step "task": the name is reserved`:                                    {Type: "kyc", ID: "42", Kind: events.Started, Step: "task"},
		`step "saga": the name is reserved`:                                    {Type: "kyc", ID: "42", Kind: events.Completed, Step: "saga"},
	} {
		assert.EqualError(t, s.Validate(), reason)
		_ = s.String()
		_, err := events.New(s, "test", events.Event{}, nil)
		assert.EqualError(t, err, reason)
	}
	_, guarded := events.Subject{Kind: 99}.Guard()
	assert.False(t, guarded)
	assert.False(t, events.Kind(99).Forward())
	assert.Equal(t, "unknown", events.Kind(0).String())
}

func TestKinds(t *testing.T) {
	var names []string
	for _, k := range events.Kinds() {
		names = append(names, k.String())
	}
	assert.Equal(t, []string{
		"submitted", "rejected", "started", "attempt", "failed", "pending", "answered", "fallback", "completed", "skipped",
		"committed", "unwinding",
		"compensate", "compensated", "undofailed", "redo", "saga.completed", "saga.compensated", "dismissed",
	}, names)
}

func TestSubjectShorthands(t *testing.T) {
	assert.Equal(t, "saga.kyc.task.submitted.42", events.TaskSubject("kyc", "42").String())
	assert.Equal(t, "saga.kyc.saga.committed.42", events.CommitSubject("kyc", "42").String())
	assert.Equal(t, "saga.kyc.saga.unwinding.42", events.LatchSubject("kyc", "42").String())
	assert.Equal(t, "saga.kyc.face.started.42", events.ClaimSubject("kyc", "face", 1, "42").String())
	assert.Equal(t, "saga.kyc.face.attempt-2.42", events.ClaimSubject("kyc", "face", 2, "42").String())
	assert.Equal(t, "saga.kyc.*.*.42", events.HistoryFilter("kyc", "42"))
}

func FuzzParse(f *testing.F) {
	for _, c := range legal {
		f.Add(c.wire)
	}
	f.Add("saga.kyc.face.failed-01.42")
	f.Add("saga.kyc.face.undofailed-1-1.42")
	f.Fuzz(func(t *testing.T, wire string) {
		s, err := events.Parse(wire)
		if err != nil {
			assert.Zero(t, s)
			return
		}
		assert.Equal(t, wire, s.String())
		assert.NoError(t, s.Validate())
		if guard, ok := s.Guard(); ok {
			assert.NotEqual(t, s, guard)
			assert.Equal(t, s.ID, guard.ID)
			assert.Equal(t, s.Type, guard.Type)
			if guard.N <= events.MaxAttempt {
				assert.NoError(t, guard.Validate())
			}
		}
	})
}
