package events_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
)

var timers = map[string]events.Timer{
	"timer.due.kyc.face-lite.attempt-2.42": {Type: "kyc", To: "face-lite", What: events.RetryTimer, N: 2, ID: "42"},
	"timer.due.kyc.face.answer-3.42":       {Type: "kyc", To: "face", What: events.AnswerTimer, N: 3, ID: "42"},
	"timer.due.kyc.face.undo-999.42":       {Type: "kyc", To: "face", What: events.UndoTimer, N: 999, ID: "42"},
	"timer.due.kyc.saga.deadline.42":       {Type: "kyc", To: events.Everyone, What: events.DeadlineTimer, ID: "42"},
	"timer.due.kyc.saga.advance.4_-2":      {Type: "kyc", To: events.Everyone, What: events.AdvanceTimer, ID: "4_-2"},
}

func TestTimersPrintAndParse(t *testing.T) {
	at := time.Now()
	for wire, timer := range timers {
		t.Run(wire, func(t *testing.T) {
			assert.Equal(t, wire, timer.Fired())
			assert.Equal(t, "timer.set"+wire[len("timer.due"):], timer.Set())
			got, err := events.ParseTimer(wire)
			require.NoError(t, err)
			assert.Equal(t, timer, got)

			timer.Seq = 1<<64 - 1
			got, err = events.DecodeTimer(wire, nil, timer.Body(), at)
			require.NoError(t, err)
			timer.Due = at
			assert.Equal(t, timer, got)
		})
	}
	assert.Equal(t, "timer.due.kyc.face.*.*", events.TimersOf("kyc", "face"))
}

func TestIllegalTimers(t *testing.T) {
	for wire, reason := range map[string]string{
		"timer.due.kyc.face.advance":         "want timer.due.<type>.<to>.<what>.<id>",
		"timer.due.kyc.face.advance.42.1":    "want timer.due.<type>.<to>.<what>.<id>",
		"timer.set.kyc.face.advance.42":      "want timer.due.<type>.<to>.<what>.<id>",
		"saga.due.kyc.face.advance.42":       "want timer.due.<type>.<to>.<what>.<id>",
		"timer.due.kyc.face.lunch.42":        `no timer "lunch"`,
		"timer.due.kyc.face..42":             `no timer ""`,
		"timer.due.kyc.face.attempt.42":      `attempt needs a number, not ""`,
		"timer.due.kyc.face.undo-x.42":       `undo needs a number, not "x"`,
		"timer.due.kyc.face.attempt-0.42":    `attempt needs a number, not "0"`,
		"timer.due.kyc.face.attempt-1000.42": `attempt needs a number, not "1000"`,
		"timer.due.kyc.face.attempt-02.42":   `it reads back as "timer.due.kyc.face.attempt-2.42"`,
		"timer.due.kyc.face.advance-1.42":    `it reads back as "timer.due.kyc.face.advance.42"`,
		"timer.due.kyc.saga.deadline-.42":    `it reads back as "timer.due.kyc.saga.deadline.42"`,
		"timer.due.Kyc.face.advance.42":      `saga type "Kyc": the name must begin with a letter a-z`,
		"timer.due.kyc..advance.42":          "agent: the name is empty",
		"timer.due.kyc.*.advance.42":         `agent "*": the name must begin with a letter a-z`,
		"timer.due.kyc.task.advance.42":      `agent "task": the name is reserved`,
		"timer.due.kyc.face.advance.*":       `saga id "*": '*' is not allowed, only A-Z, a-z, 0-9, _ and -`,
	} {
		got, err := events.ParseTimer(wire)
		assert.EqualError(t, err, `parse timer "`+wire+`": `+reason)
		assert.Zero(t, got)
		_, err = events.DecodeTimer(wire, nil, []byte("1"), time.Now())
		assert.Error(t, err)
	}
}

// A body that says nothing, or nonsense, leaves a question without a sequence.
// The highest sequence would be a history that nobody can wait for.
func TestTimerBodies(t *testing.T) {
	for _, body := range []string{"", "x", "-1", "1.5", "99999999999999999999999"} {
		timer, err := events.DecodeTimer("timer.due.kyc.face.advance.42", nil, []byte(body), time.Now())
		require.NoError(t, err)
		assert.Zero(t, timer.Seq, body)
	}
}

func FuzzParseTimer(f *testing.F) {
	for wire := range timers {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		timer, err := events.ParseTimer(wire)
		if err != nil {
			assert.Zero(t, timer)
			return
		}
		assert.Equal(t, wire, timer.Fired())
	})
}
