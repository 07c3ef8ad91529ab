package saga_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/config"
)

// card tries three times, 1s, 2s and 4s apart, and is followed by a and b.
var card = saga.Role{
	Type: "story", Agent: "card", Step: "charge", Fallbacks: []string{"a", "b"},
	Retry:     config.RetryPolicy{MaxRetries: 3, BaseDelay: time.Second, MaxDelay: 4 * time.Second, Multiplier: 2, Jitter: 0.5}.Exactly(),
	UndoRetry: config.RetryPolicy{MaxRetries: 2, BaseDelay: time.Second, MaxDelay: time.Minute, Multiplier: 10}.Exactly(),
}

func by(agent string, attempts ...saga.Attempt) (list []saga.Attempt) {
	for _, a := range attempts {
		a.Claim.Agent = agent
		list = append(list, a)
	}
	return list
}

var (
	open    = saga.Attempt{}
	retried = failedSo(events.Failure{Class: events.Transient, Left: events.LeftNothing, Then: events.ThenRetry})
	lost    = failedSo(events.Failure{Class: events.Unknown, Left: events.LeftUnknown, Then: events.ThenRetry})
	waited  = failedSo(events.Failure{Class: events.Transient, Left: events.LeftNothing, Then: events.ThenRetry, Throttled: true})
	cleared = failedSo(events.Failure{Class: events.Unknown, Left: events.LeftUndone, Then: events.ThenRetry})
)

func failedSo(f events.Failure) saga.Attempt { return saga.Attempt{Failure: &f} }

func handedTo(next string, chain ...string) saga.Attempt {
	return failedSo(events.Failure{Class: events.Unavailable, Left: events.LeftNothing, Then: events.ThenFallback, Next: next, Chain: chain})
}

// backTo is a failure after which a person named who is to try again.
func backTo(next string) saga.Attempt {
	return failedSo(events.Failure{Class: events.Transient, Left: events.LeftNothing, Then: events.ThenRetry, Next: next})
}

// step is a step with these attempts, and one more of an agent that now failed.
func step(agent string, before ...[]saga.Attempt) *saga.Step {
	st := &saga.Step{Name: "charge"}
	for _, list := range append(before, by(agent, open)) {
		for _, a := range list {
			a.N = len(st.Attempts) + 1
			st.Attempts = append(st.Attempts, a)
		}
	}
	return st
}

func TestDecide(t *testing.T) {
	back := events.Failure{Then: events.ThenBack}
	retry := func(s float64) events.Failure {
		return events.Failure{Then: events.ThenRetry, Due: events.Duration(s * float64(time.Second))}
	}
	fallback := func(next string, chain ...string) events.Failure {
		return events.Failure{Then: events.ThenFallback, Next: next, Chain: chain}
	}
	alone, a := card, card
	alone.Fallbacks = nil
	a.Agent, a.Fallbacks = "a", nil
	once := card
	once.Retry.MaxRetries = 0
	lonely := once
	lonely.Fallbacks = nil
	transient := saga.Setback{Class: events.Transient}
	unknown := saga.Setback{Class: events.Unknown}
	unavailable := saga.Setback{Class: events.Unavailable}
	refused := saga.Setback{Class: events.Refused}
	after := func(s time.Duration) saga.Setback {
		return saga.Setback{Class: events.Transient, RetryAfter: s * time.Second}
	}
	throttled := func(s time.Duration) saga.Setback {
		return saga.Setback{Class: events.Transient, RetryAfter: s * time.Second, Throttled: true}
	}
	free := func(s float64) events.Failure {
		f := retry(s)
		f.Throttled = true
		return f
	}
	shut := saga.Setback{Class: events.Unavailable, RetryAfter: 30 * time.Second, Throttled: true}
	exhausted := by("card", retried, retried, retried)

	for name, c := range map[string]struct {
		role   saga.Role
		step   *saga.Step
		back   saga.Setback
		random float64
		want   events.Failure
	}{
		"transient, the first":                         {card, nil, transient, 0, retry(1)},
		"transient, the first, as it was read":         {card, step("card"), transient, 0, retry(1)},
		"transient, the second":                        {card, step("card", by("card", retried)), transient, 0, retry(2)},
		"transient, the third":                         {card, step("card", by("card", retried, retried)), transient, 0, retry(4)},
		"transient, with jitter":                       {card, nil, transient, 0.5, retry(0.75)},
		"transient, exhausted":                         {card, step("card", exhausted), transient, 0, fallback("a", "b")},
		"transient, exhausted, alone":                  {alone, step("card", exhausted), transient, 0, back},
		"transient, no retries":                        {once, nil, transient, 0, fallback("a", "b")},
		"unknown is tried again":                       {card, nil, unknown, 0, retry(1)},
		"unknown, and nobody shall try again":          {card, nil, saga.Setback{Class: events.Unknown, Back: true}, 0, back},
		"unknown, exhausted":                           {card, step("card", exhausted), unknown, 0, fallback("a", "b")},
		"a class that nobody knows is tried again":     {card, nil, saga.Setback{Class: "odd"}, 0, retry(1)},
		"unavailable is not tried again":               {card, nil, unavailable, 0, fallback("a", "b")},
		"unavailable, alone":                           {alone, nil, unavailable, 0, back},
		"refused is neither retried nor handed on":     {card, nil, refused, 0, back},
		"refused, exhausted":                           {card, step("card", exhausted), refused, 0, back},
		"given up is not tried again":                  {card, nil, saga.Setback{Class: events.Unknown, GivenUp: true}, 0, fallback("a", "b")},
		"given up, alone":                              {alone, nil, saga.Setback{Class: events.Unknown, GivenUp: true}, 0, back},
		"retry after, longer than the wait":            {card, nil, after(9), 0, retry(9)},
		"retry after, longer than the policy's most":   {card, nil, after(3600), 0, retry(3600)},
		"retry after, shorter than the wait":           {card, step("card", exhausted[:2]), after(1), 0, retry(4)},
		"retry after is no shorter by jitter":          {card, nil, after(1), 0.9, retry(1)},
		"retry after below zero":                       {card, nil, after(-5), 0, retry(1)},
		"retry after does not add a try":               {card, step("card", exhausted), after(9), 0, fallback("a", "b")},
		"retry after of the unavailable":               {card, nil, saga.Setback{Class: events.Unavailable, RetryAfter: time.Hour}, 0, fallback("a", "b")},
		"a takeover is no retry":                       {card, step("card", by("card", open, open, open, open)), transient, 0, retry(1)},
		"a takeover does not reset what was tried":     {card, step("card", by("card", retried, open, retried)), transient, 0, retry(4)},
		"the retries of others are not mine":           {a, step("a", exhausted, by("card", handedTo("a", "b"))), transient, 0, retry(1)},
		"the stand-in's chain is what is left":         {a, step("a", by("card", handedTo("a", "b"))), unavailable, 0, fallback("b")},
		"the last of the chain":                        {a, step("a", by("card", handedTo("a"))), unavailable, 0, back},
		"the last hand-over counts":                    {a, step("a", by("card", handedTo("x", "a", "b")), by("x", handedTo("a", "b"))), unavailable, 0, fallback("b")},
		"the chain goes on where its hand-over ended":  {saga.Role{Agent: "b"}, step("b", by("card", handedTo("a", "b")), by("a", handedTo("b"))), unavailable, 0, back},
		"an agent occurs once: by attempts":            {card, step("card", by("a", retried), by("card", retried)), unavailable, 0, fallback("b")},
		"an agent occurs once: in a longer chain":      {a, step("a", by("card", handedTo("a", "card", "b", "a", "c"))), unavailable, 0, fallback("b", "c")},
		"handed back: a new life has the old retries":  {card, step("card", by("card", retried), by("card", handedTo("a", "b")), by("a", backTo("card"))), transient, 0, retry(2)},
		"handed back when exhausted":                   {card, step("card", exhausted, by("card", handedTo("a", "b")), by("a", backTo("card"))), transient, 0, fallback("b")},
		"handed back: not a retry of who handed back":  {a, step("a", by("card", handedTo("a", "b")), by("a", backTo("card")), by("card", backTo("a"))), transient, 0, retry(1)},
		"handed back, and the chain is used up":        {card, step("card", by("card", handedTo("a", "b")), by("a", handedTo("b")), by("b", backTo("card"))), unavailable, 0, back},
		"handed to an agent that is in no chain":       {saga.Role{Agent: "x"}, step("x", by("card", backTo("x"))), unavailable, 0, back},
		"throttled, the first":                         {alone, nil, throttled(9), 0, free(9)},
		"throttled, exhausted":                         {alone, step("card", exhausted), throttled(9), 0, free(9)},
		"throttled, no retries":                        {lonely, nil, throttled(9), 0, free(9)},
		"throttled again and again":                    {alone, step("card", by("card", waited, waited)), throttled(1), 0, free(4)},
		"what was throttled is no retry":               {alone, step("card", by("card", waited, waited, waited, waited)), transient, 0, retry(1)},
		"throttled, but another one could":             {card, nil, throttled(9), 0, retry(9)},
		"throttled, exhausted, another one could":      {card, step("card", exhausted), throttled(9), 0, fallback("a", "b")},
		"throttled, the last of the chain":             {a, step("a", by("card", handedTo("a"))), throttled(9), 0, free(9)},
		"throttled, but given up":                      {alone, nil, saga.Setback{Class: events.Unknown, GivenUp: true, Throttled: true}, 0, back},
		"throttled, but refused":                       {alone, nil, saga.Setback{Class: events.Refused, RetryAfter: time.Second, Throttled: true}, 0, back},
		"not called, another one could":                {card, nil, shut, 0, fallback("a", "b")},
		"not called, alone":                            {alone, step("card", exhausted, by("card", waited)), shut, 0, free(30)},
		"not called, and the patience is at its end":   {alone, nil, saga.Setback{Class: events.Unavailable, RetryAfter: time.Second}, 0, back},
		"sent to oneself by name is a retry like ours": {card, step("card", by("card", backTo("card"))), transient, 0, retry(2)},
	} {
		t.Run(name, func(t *testing.T) {
			c.back.Error = events.Error{Code: "code", Message: "message"}
			c.back.Left = events.LeftUnknown
			c.want.Agent, c.want.Class, c.want.Error, c.want.Left = c.role.Agent, c.back.Class, c.back.Error, c.back.Left
			got := c.role.Decide(c.step, c.back, c.random)
			if len(got.Chain) == 0 {
				got.Chain = nil
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// Whoever hands a step on says what any of its attempts may have left: all of it
// is undone before. A retry, or the way back, speaks of its own attempt alone.
func TestDecideTellsWhatIsLeft(t *testing.T) {
	clean := saga.Setback{Class: events.Unavailable, Left: events.LeftNothing}
	retry := saga.Setback{Class: events.Transient, Left: events.LeftNothing}
	alone := card
	alone.Fallbacks = nil
	for name, c := range map[string]struct {
		role saga.Role
		step *saga.Step
		back saga.Setback
		want events.Left
	}{
		"handed on, the first":                 {card, nil, clean, events.LeftNothing},
		"handed on after a clean one":          {card, step("card", by("card", retried)), clean, events.LeftNothing},
		"handed on after an unknown one":       {card, step("card", by("card", lost)), clean, events.LeftUnknown},
		"handed on after a lost one":           {card, step("card", by("card", open)), clean, events.LeftUnknown},
		"handed on after a cleared one":        {card, step("card", by("card", cleared)), clean, events.LeftNothing},
		"handed on, unknown by itself":         {card, nil, saga.Setback{Class: events.Unknown, GivenUp: true, Left: events.LeftUnknown}, events.LeftUnknown},
		"back after what could not be cleared": {card, step("card", by("card", lost)), saga.Setback{Class: events.Unknown, Left: events.LeftUnknown, Back: true}, events.LeftUnknown},
		"handed on after another's":            {card, step("card", by("x", lost)), clean, events.LeftNothing},
		"tried again after an unknown one":     {card, step("card", by("card", lost)), retry, events.LeftNothing},
		"back after an unknown one":            {alone, step("card", by("card", lost)), clean, events.LeftUnknown},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, c.role.Decide(c.step, c.back, 0).Left) })
	}
}

func TestLost(t *testing.T) {
	done := func(agent string) *saga.Step {
		st := step(agent, by("a", retried))
		st.Done = &saga.Done{Done: events.Done{Agent: agent}}
		return st
	}
	skipped := done("card")
	skipped.Done.Skipped = true
	undone := step("card")
	undone.Undos = []*saga.Undo{{Agent: "card", Done: &events.Undone{}}}
	for name, c := range map[string]struct {
		step *saga.Step
		want bool
	}{
		"it works on it":          {step("card"), false},
		"it tries again":          {step("card", by("card", retried, lost, open)), false},
		"it completed it":         {done("card"), false},
		"another completed it":    {done("b"), true},
		"it was skipped":          {skipped, true},
		"it handed it on":         {step("a", by("card", handedTo("a"))), true},
		"another handed it to it": {step("card", by("a", handedTo("card"))), false},
		"it undid its work":       {undone, true},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, c.step.Lost("card")) })
	}
}

func TestOvertaken(t *testing.T) {
	st := step("card", by("card", open))
	assert.True(t, st.Overtaken(1))
	assert.False(t, st.Overtaken(2))
}

// Whoever decides twice must not find the chain changed.
func TestDecideChangesNothing(t *testing.T) {
	r := card
	r.Fallbacks = []string{"card", "a", "b"}
	st := step("card", by("a", retried), by("card", retried))
	first := r.Decide(st, saga.Setback{Class: events.Unavailable}, 0)
	assert.Equal(t, first, r.Decide(st, saga.Setback{Class: events.Unavailable}, 0))
	assert.Equal(t, []string{"card", "a", "b"}, r.Fallbacks)
	assert.Equal(t, "b", first.Next)
}

func TestDecideUndo(t *testing.T) {
	why := events.Error{Code: "busy", Message: "busy"}
	failures := func(n int) *saga.Undo {
		u := &saga.Undo{Agent: "card"}
		for i := range n {
			u.Failures = append(u.Failures, saga.UndoFailure{Fact: saga.Fact{Seq: uint64(i + 1)}})
		}
		return u
	}
	for name, c := range map[string]struct {
		undo   *saga.Undo
		random float64
		then   events.Then
		due    time.Duration
	}{
		"nothing is known": {nil, 0, events.ThenRetry, time.Second},
		"the first":        {failures(0), 0, events.ThenRetry, time.Second},
		"the second":       {failures(1), 0, events.ThenRetry, 10 * time.Second},
		"no jitter in it":  {failures(1), 0.9, events.ThenRetry, 10 * time.Second},
		"out of tries":     {failures(2), 0, events.ThenPerson, 0},
		"far out of tries": {failures(20), 0, events.ThenPerson, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, events.UndoFailure{Error: why, Then: c.then, Due: events.Duration(c.due)}, card.DecideUndo(c.undo, why, c.random))
		})
	}
	none := card
	none.UndoRetry.MaxRetries = 0
	assert.Equal(t, events.ThenPerson, none.DecideUndo(nil, why, 0).Then)
}

func TestMayHaveLeft(t *testing.T) {
	var nothing *saga.Step
	assert.False(t, nothing.MayHaveLeft("card"), "nothing was read: it is the first attempt")
	for name, c := range map[string]struct {
		before []saga.Attempt
		want   bool
	}{
		"nothing before":                     {nil, false},
		"a failure that left nothing":        {by("card", retried), false},
		"a failure that was undone":          {by("card", cleared), false},
		"a failure that nobody knows of":     {by("card", lost), true},
		"a lost attempt":                     {by("card", open), true},
		"a lost one under a clean one":       {by("card", open, retried), true},
		"what another agent left is its own": {by("a", lost, open), false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, step("card", c.before).MayHaveLeft("card"))
		})
	}
}

func TestKey(t *testing.T) {
	assert.Equal(t, "kyc/42/charge/card", saga.Key("kyc", "42", "charge", "card"))
	assert.Equal(t, "kyc/42/charge/card/undo", saga.UndoKey("kyc", "42", "charge", "card"))
}

// A wait of the largest retry-after that an agent can ask for stays what it is.
func TestDecideLongestWait(t *testing.T) {
	f := card.Decide(nil, saga.Setback{Class: events.Transient, RetryAfter: math.MaxInt64}, 0)
	assert.Equal(t, events.Duration(math.MaxInt64), f.Due)
}
