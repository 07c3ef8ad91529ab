package saga_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/config"
)

// FuzzFold reads bytes as a history and asks it everything. Each slot is
// written once, as in any log; guards are kept when the first byte is even.
func FuzzFold(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(8) {
		f.Add(bytesOf(seed, 120))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 600 {
			data = data[:600]
		}
		judge(t, generate(data))
	})
}

// TestRandomHistories is what the fuzzer tries, on histories that make sense.
func TestRandomHistories(t *testing.T) {
	deepest, turned, ended := 0, 0, 0
	for seed := range uint64(300) {
		s, _ := judge(t, generate(bytesOf(seed, 240)))
		deepest = max(deepest, int(s.Seq))
		if s.Turned() {
			turned++
		}
		if s.Ended() {
			ended++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	assert.Greater(t, deepest, 15, "the histories are too short to say anything")
	assert.Greater(t, turned, 50)
	assert.Greater(t, ended, 20)
}

func bytesOf(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// generate makes a history from bytes. An event that does not fold onto those
// before it is left out, save that the bytes may ask to keep it as the last.
func generate(data []byte) []events.Event {
	take := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	guarded := take()%2 == 0
	slots := map[events.Subject]bool{}
	history := []events.Event{{
		Subject: events.TaskSubject("story", "1"), Seq: 1, Time: at(1), ID: "event-1", Data: []byte("{}"),
	}}
	slots[history[0].Subject] = true
	for len(data) > 0 {
		s, err := saga.Fold(history)
		if err != nil {
			break
		}
		e := random(s, take)
		guard, ok := e.Subject.Guard()
		if slots[e.Subject] || guarded && ok && slots[guard] || e.Subject.Validate() != nil {
			continue
		}
		if _, err := saga.Fold(append(slices.Clone(history), e)); err != nil && take() > 0 {
			continue
		}
		slots[e.Subject] = true
		history = append(history, e)
	}
	return history
}

// random draws an event that could come next.
func random(s *saga.State, take func() byte) events.Event {
	pick := func(list ...string) string { return list[int(take())%len(list)] }
	kinds := append(events.Kinds(), events.Started, events.Attempt, events.Failed, events.Completed, events.Compensated)
	subject := events.Subject{Type: "story", Kind: kinds[int(take())%len(kinds)], ID: "1"}
	step, agent, n := pick("a", "b", "c"), pick("x", "y", "z"), 1
	var after []string
	if st := s.Step(step); st != nil {
		after, n = st.After, len(st.Attempts)
	} else if len(s.Steps) > 0 && take()%4 > 0 {
		after = []string{s.Steps[int(take())%len(s.Steps)].Name}
	}
	n = max(1, n-int(take())%4/3) // mostly the last
	var data any
	switch subject.Kind {
	case events.Submitted, events.Committed, events.Unwinding, events.SagaCompleted, events.SagaCompensated, events.Dismissed:
		step = ""
		data = events.Turn{Reason: events.ReasonDeadline}
	case events.Rejected:
		step = ""
		data = events.Rejection{Agent: agent}
	case events.Started, events.Attempt:
		if subject.Kind == events.Attempt {
			subject.N = n + 1
		}
		trigger := events.Trigger{Stream: "SAGA_story", Seq: uint64(take()%4) + 1}
		data = events.Claim{Agent: agent, After: after, Trigger: trigger, Cause: events.Cause(pick("task", "retry", "takeover")), Deadline: at(99)}
	case events.Failed:
		subject.N = n
		data = events.Failure{
			Agent: agent, Class: events.Class(pick("transient", "unavailable", "refused", "unknown")), Left: events.Left(pick("nothing", "undone", "unknown")),
			Then: events.Then(pick("retry", "fallback", "back", "person")), Next: pick("x", "y", "z"), Due: events.Duration(take()),
		}
	case events.Pending:
		subject.N = n
		data = events.Wait{Agent: agent, Within: events.Duration(take())}
	case events.Answered:
		subject.N = int(take()%3) + 1
		data = events.Answer{
			Outcome: events.Outcome(pick("completed", "refused", "unavailable", "retry", "expired", "what?")), Attempt: int(take() % 4),
			Next: pick("", "x", "y"), Due: events.Duration(take()),
		}
	case events.Completed, events.Skipped:
		data = events.Done{Agent: agent, Attempt: n, After: after, Result: json.RawMessage("1")}
	case events.UndoFailed:
		subject.N, subject.Agent = int(take()%3)+1, agent
		data = events.UndoFailure{Then: events.Then(pick("retry", "person"))}
	case events.Redo:
		subject.N, subject.Agent = int(take()%3)+1, agent
	default:
		subject.Agent = agent
		data = events.Undone{By: agent, Found: events.FoundUndone}
	}
	subject.Step = step
	body, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	if take() == 255 {
		body = []byte("not JSON")
	}
	return events.Event{Subject: subject, Seq: s.Seq + 1, Time: s.Time.Add(time.Second), ID: fmt.Sprint("event-", s.Seq+1), Data: body}
}

// judge checks on one history what holds of every history, and returns the
// state of its longest prefix that makes sense.
func judge(t *testing.T, history []events.Event) (*saga.State, []events.Event) {
	t.Helper()
	last := &saga.State{}
	for seen := 1; seen <= len(history); seen++ {
		s, err := saga.Fold(history[:seen])
		if err != nil {
			// What makes no sense makes no more sense later.
			_, later := saga.Fold(history)
			assert.EqualError(t, later, err.Error())
			break
		}
		assert.Equal(t, history[seen-1].Seq, s.Seq)
		grown(t, last, s)
		owed(t, s, history[:seen])
		last = s
	}
	history = history[:last.Seq]

	// Their order of arrival says nothing.
	shuffled := slices.Clone(history)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	same, err := saga.Fold(shuffled)
	require.NoError(t, err)
	assert.Equal(t, last, same)

	closure(t, last, history)
	return last, history
}

// grown checks that a state knows all that an earlier one knew.
func grown(t *testing.T, before, s *saga.State) {
	t.Helper()
	if before.Turned() {
		assert.Equal(t, before.Turn, s.Turn, "the latch is set once")
	}
	if before.Ended() {
		assert.Equal(t, before.End, s.End, "a saga ends once")
		assert.Equal(t, before.Turned(), s.Turned(), "it does not turn after its end")
	}
	if s.Ended() {
		assert.NotEqual(t, s.End.Forward, s.Turned(), "I1")
	}
	if before.Committed != nil {
		assert.Equal(t, before.Committed, s.Committed)
		assert.False(t, s.Turned(), "I8")
	}
	if !before.Deadline.IsZero() {
		assert.Equal(t, before.Deadline, s.Deadline)
	}
	require.GreaterOrEqual(t, len(s.Steps), len(before.Steps))
	require.GreaterOrEqual(t, len(s.Void), len(before.Void))
	if len(before.Void) > 0 {
		assert.Equal(t, before.Void, s.Void[:len(before.Void)], "what is void stays void")
	}
	for i, old := range before.Steps {
		st := s.Steps[i]
		assert.Equal(t, old.Name, st.Name)
		assert.Equal(t, old.After, st.After, "what a step followed does not change")
		require.GreaterOrEqual(t, len(st.Attempts), len(old.Attempts))
		for j, a := range old.Attempts {
			assert.Equal(t, a.Claim, st.Attempts[j].Claim)
			if !a.Open() {
				assert.False(t, st.Attempts[j].Open(), "an outcome stays known")
			}
			if a.Failure != nil {
				assert.Equal(t, a.Failure, st.Attempts[j].Failure)
			}
		}
		if old.Done != nil {
			assert.Equal(t, old.Done, st.Done)
		}
		for _, u := range old.Undos {
			if u.Done != nil {
				assert.True(t, st.Undone(u.Agent), "what is undone stays undone")
			}
		}
	}
	// I5: above the latch and above the end nothing goes forward.
	if before.Turned() || before.Ended() {
		assert.Len(t, s.Steps, len(before.Steps))
		for i, old := range before.Steps {
			assert.Len(t, s.Steps[i].Attempts, len(old.Attempts))
			assert.Equal(t, old.Done, s.Steps[i].Done)
		}
	}
}

// roles are all the places that an agent of a random history may have.
var roles = func() (list []saga.Role) {
	for _, step := range []string{"a", "b", "c"} {
		for _, agent := range []string{"x", "y", "z"} {
			list = append(list,
				saga.Role{Type: "story", Agent: agent, Step: step, MaxTakeovers: 2},
				saga.Role{Type: "story", Agent: agent, Step: step, MaxTakeovers: 2, After: []string{"a"}, Final: true},
				saga.Role{Type: "story", Agent: agent, Step: step, MaxTakeovers: 2, StandIn: true})
		}
	}
	return list
}()

// all lists every move that anybody may make.
func all(s *saga.State) (list []saga.Moves) {
	for _, r := range roles {
		list = append(list, s.Settle(r, "me", s.Time), s.SettleUndo(r.Step, r.Agent))
	}
	return append(list, s.Expire("me"), s.Advance(s.Time))
}

// owed checks what a state asks for.
func owed(t *testing.T, s *saga.State, history []events.Event) {
	t.Helper()
	_ = s.Status()
	written := map[events.Subject]bool{}
	for _, e := range history {
		written[e.Subject] = true
	}
	if s.Committed != nil && written[events.LatchSubject("story", "1")] {
		return // somebody who kept no guard has closed the saga for everybody
	}
	for _, m := range all(s) {
		for _, d := range m.Events {
			assert.NoError(t, d.Subject.Validate())
			assert.False(t, written[d.Subject], "%s is asked for, and is there already", d.Subject)
			assert.False(t, s.Ended(), "a saga that ended asks for %s", d.Subject)
			guard, ok := d.Subject.Guard()
			assert.False(t, ok && written[guard], "%s is asked for, and %s stands against it", d.Subject, guard)
			if d.Subject.Kind == events.Compensate {
				st := s.Step(d.Subject.Step)
				assert.Contains(t, st.Owing(), d.Subject.Agent, "an order to who owes nothing")
				assert.False(t, st.Working())
			}
		}
		for _, timer := range m.Timers {
			_, err := events.ParseTimer(timer.Fired())
			assert.NoError(t, err)
			assert.LessOrEqual(t, timer.Seq, s.Seq)
			assert.NotZero(t, timer.Seq)
		}
	}
	for _, st := range s.Steps {
		_ = st.Status(s)
		_ = s.Input([]string{st.Name})
		for _, agent := range st.Owing() {
			_, attempt := st.Token(agent)
			assert.NotZero(t, attempt)
		}
		for _, agent := range []string{"x", "y", "z"} {
			_ = st.MayHaveLeft(agent)
			_, _ = st.Round(agent), st.Answer()
			f := saga.Role{Agent: agent, Retry: config.RetryPolicy{MaxRetries: 2}}.Decide(st, saga.Setback{Class: events.Unknown, Committed: s.Committed != nil}, 0)
			assert.False(t, s.Committed != nil && f.Then == events.ThenBack, "nobody turns a saga that is committed")
		}
	}
	for _, r := range roles {
		for _, m := range messages(s, history, r) {
			call, n, _ := s.Forward(r, m)
			if call != saga.Run && call != saga.GiveUp {
				assert.Zero(t, n)
				continue
			}
			assert.False(t, s.Turned() || s.Ended(), "nobody runs in a saga that turned or ended")
			assert.False(t, written[events.ClaimSubject("story", r.Step, n, "1")], "attempt %d is claimed already", n)
		}
	}
}

// messages are what may ask an agent.
func messages(s *saga.State, history []events.Event, r saga.Role) (list []saga.Message) {
	for _, e := range history {
		list = append(list, saga.Message{Trigger: events.Trigger{Stream: "SAGA_story", Seq: e.Seq}, Subject: e.Subject})
	}
	n := 2
	if st := s.Step(r.Step); st != nil {
		n = len(st.Attempts) + 1
	}
	return append(list, saga.Message{
		Trigger: events.Trigger{Stream: "TIMERS", Seq: 1},
		Timer:   events.Timer{Type: "story", To: r.Agent, What: events.RetryTimer, N: n, ID: "1"},
	})
}

// closure makes all moves until there are none, with every agent answering its
// orders and giving up what it works on. A saga that turned then ends (I4), and
// on the way no step is ordered back before those that followed it (I3).
func closure(t *testing.T, s *saga.State, history []events.Event) {
	t.Helper()
	if !s.Turned() {
		return
	}
	for round := 0; !s.Ended(); round++ {
		if !assert.Less(t, round, 50, "the saga turned and does not end") {
			return
		}
		add := func(subject events.Subject, data any) {
			if slices.ContainsFunc(history, func(e events.Event) bool { return e.Subject == subject }) {
				return
			}
			body, err := json.Marshal(data)
			require.NoError(t, err)
			seq := uint64(len(history) + 1)
			history = append(history, events.Event{Subject: subject, Seq: seq, Time: at(seq), Data: body})
		}
		for _, d := range s.Advance(s.Time).Events {
			add(d.Subject, d.Data)
			for _, f := range s.Steps {
				if slices.Contains(f.After, d.Subject.Step) && d.Subject.Step != "" {
					assert.True(t, f.Resolved(), "%s while %s is not resolved (I3)", d.Subject, f.Name)
				}
			}
			if d.Subject.Kind == events.Compensate {
				d.Subject.Kind = events.Compensated
				add(d.Subject, events.Undone{Found: events.FoundUndone})
			}
		}
		for _, st := range s.Steps {
			if st.Working() {
				add(events.Subject{Type: "story", Step: st.Name, Kind: events.Compensated, Agent: st.Last().Claim.Agent, ID: "1"}, events.Undone{})
			}
			// Orders that were out before are answered too.
			for _, u := range st.Undos {
				add(events.Subject{Type: "story", Step: st.Name, Kind: events.Compensated, Agent: u.Agent, ID: "1"}, events.Undone{})
			}
		}
		var err error
		s, err = saga.Fold(history)
		require.NoError(t, err)
	}
}
