package inbox_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/inbox"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// night is what may wait for whoever is on call at three in the morning.
func night() []client.Item {
	quota := &events.Error{Code: "quota", Message: "the quota is used up\n\x1b[31mfor today"}
	return []client.Item{
		{
			Type: "trip", ID: "order-1", Step: "plan", Agent: "desk", Need: client.NeedAnswer, Attempt: 4, WaitsFor: "a route",
			Question: "Which way to Rome?\nThe driver \x1b[31mwaits.", Since: ago(3*time.Hour + 20*time.Minute), Until: now.Add(40 * time.Minute),
			Then:    "desk gives it up, and the next agent in the chain is asked, or the saga turns back",
			Task:    []byte(`{"to": "Rome", "seats": ["12A", "12B"], "note": "a \u009b[31m"}`),
			Results: map[string]json.RawMessage{"seat": []byte(`"12A"`), "hotel": nil},
			Tries: []client.Try{
				{Agent: "osrm", Instance: "osrm@1", N: 1, Began: ago(4 * time.Hour), Ended: ago(4*time.Hour - 30*time.Second), Class: events.Unknown, Error: &events.Error{Code: "timeout", Message: "it did not answer within 30s"}, Left: events.LeftUnknown},
				{Agent: "osrm", Instance: "osrm@2", N: 2, Began: ago(4*time.Hour - 31*time.Second)},
				{Agent: "lite", Instance: "lite@1", N: 3, Began: ago(3*time.Hour + 21*time.Minute), Ended: ago(3*time.Hour + 20*time.Minute), Class: events.Unavailable, Error: quota, Left: events.LeftNothing},
			},
			Large:   map[string]events.Ref{"scan": {Size: 5_000_000}},
			Answers: []client.Said{{Time: ago(time.Hour), Answer: events.Answer{Outcome: events.OutcomeRetry, By: "bob", Next: "osrm", Reason: "it is up again"}}},
			Agents:  []string{"desk", "lite", "osrm"}, Undoes: []string{"hotel", "seat"},
		},
		{
			Type: "trip", ID: "order-2", Step: "mail", Agent: "mail", Need: client.NeedStep, Attempt: 1, Pivot: "pay", Since: ago(26 * time.Hour),
			Then: "it waits for ever: the pivot is done, and no deadline turns the saga", Task: []byte(`no json`),
			Results: map[string]json.RawMessage{"pay": []byte(`{"paid": 12.50}`)}, Agents: []string{"mail"},
			Tries: []client.Try{{Agent: "mail", N: 1, Began: ago(26 * time.Hour), Ended: ago(26 * time.Hour), Class: events.Unavailable, Error: &events.Error{Code: "bounced"}, Left: events.LeftNothing}},
		},
		{
			Type: "trip", ID: "order-3", Step: "seat", Agent: "seat", Need: client.NeedUndo, Attempt: 1, Since: ago(5 * time.Minute), Agents: []string{"seat"},
			Then: "it waits for ever, and so does the undoing of what was done before it", Undo: []byte(`{"booking": "X-17"}`), Key: "trip/order-3/seat/seat",
			Reason: "failed at step card: the card is declined", Task: []byte(`{}`),
			Tries: []client.Try{{Agent: "seat", N: 1, Ended: ago(6 * time.Minute), Error: &events.Error{Message: "503"}}, {Agent: "seat", N: 2, Ended: ago(5 * time.Minute), Error: &events.Error{Message: "503"}}},
		},
		{
			Type: "trip", ID: "order-4", Need: client.NeedMend, Since: ago(time.Second), Then: "every agent has put the saga aside",
			Error: "fold saga trip/order-4 at 2: completed of step \"seat\", which was never claimed",
		},
	}
}

func TestGolden(t *testing.T) {
	for file, o := range map[string]inbox.Options{
		"testdata/plain.golden":  {},
		"testdata/narrow.golden": {Columns: 80},
	} {
		var b strings.Builder
		if err := inbox.List(&b, night(), now, o); err != nil {
			t.Fatal(err)
		}
		for _, i := range night() {
			b.WriteString("\n----\n")
			if err := inbox.Show(&b, i, now, o); err != nil {
				t.Fatal(err)
			}
		}
		compare(t, file, b.String())
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// What somebody else wrote neither moves the cursor nor colours the screen, and
// a large task does not push away what can be done.
func TestWhatOthersWroteIsTame(t *testing.T) {
	i := night()[0]
	i.Task = []byte("[" + strings.Repeat("1,", 5000) + "1]")
	var b strings.Builder
	if err := inbox.Show(&b, i, now, inbox.Options{Ink: ink.Ink{}, Columns: 80}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n > 100 || !strings.Contains(b.String(), "lines more: -o json has them") {
		t.Errorf("it has %d lines", n)
	}
	if strings.ContainsAny(b.String(), "\x1b\u009b") {
		t.Errorf("it has control characters: %q", b.String())
	}
}

func TestHandBack(t *testing.T) {
	for want, i := range map[string]client.Item{
		"osrm": night()[0],
		"mail": night()[1],
		"seat": night()[2],
		"":     {Need: client.NeedAnswer, Agent: "approval", Agents: []string{"approval"}},
	} {
		if got := inbox.HandBack(i); got != want {
			t.Errorf("step %s goes back to %q, want %q", i.Step, got, want)
		}
	}
}

// broken is a writer that can't.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

func TestAWriterThatCannot(t *testing.T) {
	if inbox.List(broken{}, night(), now, inbox.Options{}) == nil || inbox.Show(broken{}, night()[0], now, inbox.Options{}) == nil {
		t.Error("nobody says that nothing was written")
	}
}
