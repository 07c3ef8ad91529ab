package live_test

import (
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

// After the pivot nothing turns back, whatever an agent says that did not know.
func TestAfterThePivotAPersonMustSeeToIt(t *testing.T) {
	s := &script{t: t, typ: "trip", id: "order-1"}
	failed := events.Failure{Agent: "mail", Class: events.Refused, Error: events.Error{Message: "bounced"}, Then: events.ThenBack}
	s.at(events.Subject{Step: "mail", Kind: events.Failed, N: 1}, failed)
	s.at(events.Subject{Kind: events.Committed}, events.Commitment{Step: "card", Agent: "card", Attempt: 1})
	s.at(events.Subject{Step: "mail", Kind: events.Failed, N: 2}, failed)
	var b strings.Builder
	if err := live.New(&b, live.Options{}).All(s.history); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{"bounced · turns back", "card was the pivot: no way back from here", "bounced · a person must see to it"} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d is %q, want %q at its end", i, lines[i], want)
		}
	}
}
