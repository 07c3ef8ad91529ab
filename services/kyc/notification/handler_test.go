package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/kyctest"
	"github.com/unwind-saga/unwind/services/kyc/world"
	"github.com/unwind-saga/unwind/services/mail/inbox"
)

func desk(t testing.TB) *kyctest.Desk { return kyctest.Open(t, kyctest.World(t), open, schema) }

func TestBarrier(t *testing.T) {
	kyctest.Suite(t, kyctest.Case{
		Open: desk, Person: world.Someone(0), There: map[string]int{"inbox": 1},
		Left:    map[string]int{"inbox": 2}, // the letter and its correction
		Repeats: true,                       // the same letter, by its Message-ID
	})
}

const (
	confirmed = "Your identity is confirmed"
	corrected = "Correction: your identity is not confirmed"
)

// letters are the subjects of what came, in order; a letter that came again,
// under its Message-ID, counts once.
func letters(t *testing.T, d *kyctest.Desk) (subjects []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range d.World.Inbox.Messages() {
		if !seen[m.MessageID] {
			subjects = append(subjects, m.Subject)
		}
		seen[m.MessageID] = true
		assert.Equal(t, []string{"anna.eriksson@utopia.example"}, m.To)
		assert.Contains(t, m.Text, "Reference: 1\n")
	}
	return subjects
}

func TestTell(t *testing.T) {
	d := desk(t)
	result, err := d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, world.Someone(0)), nil))
	require.NoError(t, err)
	assert.JSONEq(t, `{"told":"anna.eriksson@utopia.example"}`, result)
	assert.Equal(t, []string{confirmed}, letters(t, d))
	m := d.World.Inbox.Messages()[0]
	assert.Equal(t, "identity@unwind.example", m.From)
	assert.True(t, strings.HasPrefix(m.Text, "Dear Anna Eriksson,\n"), m.Text)
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		payload []byte
		code    string
	}{
		"no applicant": {[]byte(`"Anna"`), "bad_applicant"},
		"no address": {
			kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) { a.Email = "anna" }), "refused",
		},
		"two addresses": {
			kyctest.Payload(t, world.Someone(0), func(a *applicant.Applicant) { a.Email = "a@x.example\r\nBcc: b@x.example" }), "refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk(t)
			_, err := d.Perform(t.Context(), d.Task("1", tc.payload, nil))
			want := kyctest.Failed{Class: events.Refused, Code: tc.code}
			if tc.code == "refused" {
				want.Code, want.Says = "", "it was not sent" // the class is the code
			}
			kyctest.RequireFailed(t, err, want)
			assert.Empty(t, d.There("1"))
			require.ErrorIs(t, d.Undo(t.Context(), "1"), agent.ErrNothingFound)
			assert.Empty(t, letters(t, d), "nobody is told that a letter does not hold which was never sent")
		})
	}
}

// Each way in which the mail server fails: what the saga is told, which letters
// came, and that both ways on from there work.
func TestServerFails(t *testing.T) {
	for name, tc := range map[string]struct {
		mode inbox.Mode
		want kyctest.Failed
		came int
	}{
		"down":      {inbox.Down, kyctest.Failed{Class: events.Transient}, 0},
		"busy":      {inbox.Busy, kyctest.Failed{Class: events.Transient, Code: "status_421"}, 0},
		"deferred":  {inbox.Defer, kyctest.Failed{Class: events.Transient, Code: "status_451"}, 0},
		"full":      {inbox.Full, kyctest.Failed{Class: events.Transient, Code: "status_452"}, 0},
		"no person": {inbox.Refuse, kyctest.Failed{Class: events.Refused, Code: "status_550"}, 0},
		"spam":      {inbox.Spam, kyctest.Failed{Class: events.Refused, Code: "status_554"}, 0},
		"cut":       {inbox.Cut, kyctest.Failed{Class: events.Unknown}, 1},
		"lost":      {inbox.Lose, kyctest.Failed{Class: events.Unknown}, 0},
		"silent":    {inbox.Hang, kyctest.Failed{Class: events.Unknown}, 1},
	} {
		fail := func(t *testing.T) (*kyctest.Desk, agent.Task) {
			t.Helper()
			d := desk(t)
			task := d.Task("1", kyctest.Payload(t, world.Someone(0)), nil)
			require.NoError(t, d.World.Inbox.Fail(inbox.Fault{Mode: tc.mode, Count: 1}))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			if tc.mode == inbox.Hang {
				ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
			}
			defer cancel()
			_, err := d.Perform(ctx, task)
			kyctest.RequireFailed(t, err, tc.want)
			assert.Len(t, letters(t, d), tc.came)
			if tc.want.Class == events.Unknown {
				assert.Equal(t, barrier.Begun, d.State("1"))
			} else {
				assert.Empty(t, d.State("1"))
			}
			return d, task
		}
		t.Run(name+", tried again", func(t *testing.T) {
			d, task := fail(t)
			task.Attempt++
			_, err := d.Perform(t.Context(), task)
			require.NoError(t, err)
			assert.Equal(t, []string{confirmed}, letters(t, d))
			assert.Equal(t, tc.came+1, d.There("1")["inbox"], "once more, under the same Message-ID, where nobody knew")
		})
		t.Run(name+", undone", func(t *testing.T) {
			d, task := fail(t)
			err := d.Undo(t.Context(), "1")
			var want []string
			if tc.want.Class == events.Unknown {
				// It may have come, so it is corrected.
				require.NoError(t, err)
				want = []string{confirmed, corrected}[1-tc.came:]
			} else {
				require.ErrorIs(t, err, agent.ErrNothingFound)
			}
			assert.Equal(t, want, letters(t, d))
			_, err = d.Perform(t.Context(), task)
			require.ErrorIs(t, err, agent.ErrDead)
			assert.Equal(t, want, letters(t, d))
		})
	}
}

// A correction that fails is tried again until it is out.
func TestCorrectionFails(t *testing.T) {
	for _, mode := range []inbox.Mode{inbox.Down, inbox.Busy, inbox.Defer, inbox.Lose, inbox.Cut} {
		t.Run(string(mode), func(t *testing.T) {
			d := desk(t)
			task := d.Task("1", kyctest.Payload(t, world.Someone(0)), nil)
			_, err := d.Perform(t.Context(), task)
			require.NoError(t, err)
			require.NoError(t, d.World.Inbox.Fail(inbox.Fault{Mode: mode, Count: 2}))
			for range 2 {
				require.Error(t, d.Undo(t.Context(), "1"))
				require.Equal(t, barrier.Undoing, d.State("1"))
			}
			_, err = d.Perform(t.Context(), task)
			require.ErrorIs(t, err, agent.ErrDead)
			require.NoError(t, d.Undo(t.Context(), "1"))
			assert.Equal(t, []string{confirmed, corrected}, letters(t, d))
		})
	}
}

// A mail server that restarts does not turn a saga at its last step.
func TestServerRestarts(t *testing.T) {
	w := kyctest.World(t)
	gone, err := inbox.Start("", inbox.Config{})
	require.NoError(t, err)
	addr := gone.Addr()
	require.NoError(t, gone.Close())
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	d := kyctest.Open(t, w, open, schema, "SMTP_HOST="+host, "SMTP_PORT="+port)
	task := d.Task("1", kyctest.Payload(t, world.Someone(0)), nil)
	_, err = d.Perform(t.Context(), task)
	kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Transient, Says: "it was not sent"})

	back, err := inbox.Start(addr, inbox.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, back.Close()) })
	_, err = d.Perform(t.Context(), task)
	require.NoError(t, err)
	assert.Len(t, back.Messages(), 1)
}

// A server that does not let us in does not turn the saga by refusing the
// applicant: it is us.
func TestSignIn(t *testing.T) {
	for _, tc := range []struct {
		name, password string
		code           string // "": sent
	}{
		{"the right password", "007", ""},
		{"a wrong one", "#: ${", "status_535"},
		{"none", "", "status_535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := inbox.Start("", inbox.Config{Username: "u", Password: "007"})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, b.Close()) })
			host, port, err := net.SplitHostPort(b.Addr())
			require.NoError(t, err)
			d := kyctest.Open(t, kyctest.World(t), open, schema,
				"SMTP_HOST="+host, "SMTP_PORT="+port, "SMTP_USERNAME=u", "SMTP_PASSWORD="+tc.password)
			_, err = d.Perform(t.Context(), d.Task("1", kyctest.Payload(t, world.Someone(0)), nil))
			if tc.code == "" {
				require.NoError(t, err)
				assert.Len(t, b.Messages(), 1)
				return
			}
			kyctest.RequireFailed(t, err, kyctest.Failed{Class: events.Unavailable, Code: tc.code, Says: "it was not sent"})
			assert.Empty(t, b.Messages())
		})
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct{ env, says string }{
		{"SMTP_FROM=nobody", "nobody"},
		{"SMTP_SECURITY=tls", `security "tls" is none of`},
		{"SMTP_PORT=smtp", "agent.yaml:20:9: settings.port"},
	} {
		_, err := open(kyctest.Office(t, kyctest.World(t), schema, tc.env))
		require.ErrorContains(t, err, tc.says)
	}
}
