package saga_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// read folds a script of events.
func read(t *testing.T, script string) (*saga.State, []events.Event) {
	t.Helper()
	var history []events.Event
	for line := range strings.Lines(script) {
		if words := strings.Fields(line); len(words) > 0 {
			history = append(history, event(t, words))
		}
	}
	s, err := saga.Fold(history)
	require.NoError(t, err)
	return s, history
}

const graph = `
	1 task.submitted data={"n":1}
	2 a.started cause=task trigger=1 deadline=60
	3 a.completed attempt=1 result="a"
	4 b.started after=a cause=step trigger=3
	5 c.started after=a cause=step trigger=3
	6 other.started cause=task trigger=1
	7 b.completed attempt=1 result="b" after=a
	8 c.skipped   attempt=1 after=a result="none"
	9 other.completed attempt=1 result="beside"
	10 d.started after=b,c cause=step trigger=8
	11 d.completed attempt=1 after=b,c result="d"
`

func TestInput(t *testing.T) {
	s, _ := read(t, graph)
	for name, c := range map[string]struct {
		after []string
		want  map[string]json.RawMessage
	}{
		"the task alone":             {nil, map[string]json.RawMessage{}},
		"one step":                   {[]string{"a"}, results("a")},
		"a step and its ancestors":   {[]string{"b"}, results("a", "b")},
		"through a skipped step":     {[]string{"c"}, results("a")},
		"a join":                     {[]string{"b", "c"}, results("a", "b")},
		"a join of all":              {[]string{"d", "other"}, results("a", "b", "d", "beside")},
		"what stands beside is left": {[]string{"d"}, results("a", "b", "d")},
		"nobody has claimed it":      {[]string{"z"}, map[string]json.RawMessage{}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, events.Context{Task: json.RawMessage(`{"n":1}`), Results: c.want, Deadline: at(60)}, s.Input(c.after))
		})
	}
	assert.Equal(t, events.Context{Results: map[string]json.RawMessage{}}, (&saga.State{}).Input(nil), "a history without a task")
}

func results(values ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for _, v := range values {
		step := v
		if v == "beside" {
			step = "other"
		}
		m[step] = json.RawMessage(`"` + v + `"`)
	}
	return m
}

// What a message tells is what the history tells: the happy path reads nothing,
// and any other path has the same input.
func TestInputFromAgreesWithInput(t *testing.T) {
	s, history := read(t, graph)
	carried := map[string]events.Context{}
	for i, e := range history {
		k := e.Subject.Kind
		if k != events.Completed && k != events.Skipped {
			continue
		}
		before, err := saga.Fold(history[:i])
		require.NoError(t, err)
		st := s.Step(e.Subject.Step)
		var done events.Done
		require.NoError(t, e.Unpack(&done))
		e.Data, err = json.Marshal(saga.Attach(done, before.Input(st.After)))
		require.NoError(t, err)
		in, ok := saga.InputFrom(e)
		require.True(t, ok)
		carried[st.Name] = in
		want := s.Input([]string{st.Name})
		assert.Equal(t, want.Results, in.Results, st.Name)
		assert.JSONEq(t, string(want.Task), string(in.Task))
		assert.True(t, want.Deadline.Equal(in.Deadline), st.Name)
	}
	assert.Len(t, carried, 5)
}

func TestInputFromTask(t *testing.T) {
	e := event(t, strings.Fields(`1 task.submitted data={"n": 1}`))
	in, ok := saga.InputFrom(e)
	assert.True(t, ok)
	assert.Equal(t, events.Context{Task: json.RawMessage(`{"n": 1}`)}, in)
	e.Data = []byte("not JSON, which is for the entry step to refuse")
	_, ok = saga.InputFrom(e)
	assert.True(t, ok)
}

func TestInputFromWhatSaysTooLittle(t *testing.T) {
	for _, line := range []string{
		`3 a.completed attempt=1`,
		`3 a.completed attempt=1 context=null`,
		`3 a.completed data={"agent":"a","context_omitted":true}`,
		`3 a.completed data=not JSON`,
		`3 a.skipped data=[]`,
		`3 a.fallback-b`,
	} {
		in, ok := saga.InputFrom(event(t, strings.Fields(line)))
		assert.False(t, ok, line)
		assert.Zero(t, in, line)
	}
}

// The event is read again when it is delivered again.
func TestInputFromLeavesTheEventAlone(t *testing.T) {
	e := event(t, strings.Fields(`3 a.completed result="a" context={"task":{},"results":{"z":1}}`))
	before := string(e.Data)
	in, ok := saga.InputFrom(e)
	require.True(t, ok)
	in.Results["more"] = nil
	assert.Equal(t, before, string(e.Data))
	again, _ := saga.InputFrom(e)
	assert.Len(t, again.Results, 2)
}

func TestAttach(t *testing.T) {
	done := events.Done{Agent: "a", Attempt: 1, Result: json.RawMessage("1")}
	context := func(size int) events.Context {
		in := events.Context{Task: json.RawMessage(`{}`), Results: map[string]json.RawMessage{}}
		for i := range 4 {
			in.Results[fmt.Sprint("step", i)] = json.RawMessage(strings.Repeat("1", (size-2)/4-5))
		}
		in.Task = append(in.Task, strings.Repeat(" ", (size-2)%4)...)
		return in
	}
	for size, fits := range map[int]bool{100: true, events.MaxContext - 1: true, events.MaxContext: true, events.MaxContext + 1: false, 1 << 20: false} {
		in := context(size)
		got := saga.Attach(done, in)
		assert.Equal(t, !fits, got.Omitted, size)
		if fits {
			assert.Equal(t, &in, got.Context, size)
		} else {
			assert.Nil(t, got.Context, size)
		}
		got.Context, got.Omitted = nil, false
		assert.Equal(t, done, got)
	}
}

// An end that the broker finds too large would never be written.
func TestEndWith(t *testing.T) {
	for size, fits := range map[int]bool{2: true, events.MaxPayload - 1: true, events.MaxPayload: true, events.MaxPayload + 1: false} {
		results := map[string]json.RawMessage{"s": json.RawMessage(strings.Repeat("1", size-1))}
		end := saga.EndWith(events.Context{Results: results})
		if fits {
			assert.Equal(t, events.End{Result: results}, end, size)
		} else {
			assert.Zero(t, end, size)
		}
	}
}

// A result on the shelf is carried on as a reference, by whichever way it is
// learned of, and never stands beside a result.
func TestReferencesAreCarriedOn(t *testing.T) {
	a, b := events.RefOf([]byte("a")), events.RefOf([]byte("b"))
	first := event(t, strings.Fields(`3 a.completed`))
	first.Data = marshal(t, saga.Attach(events.Done{Agent: "a", Attempt: 1, ResultRef: &a}, events.Context{Task: json.RawMessage(`{}`)}))
	in, ok := saga.InputFrom(first)
	require.True(t, ok)
	assert.Equal(t, map[string]events.Ref{"a": a}, in.Refs)
	assert.Empty(t, in.Results)

	in = saga.After(in, "small", events.Done{Result: json.RawMessage("1")})
	second := event(t, strings.Fields(`5 b.completed`))
	second.Data = marshal(t, saga.Attach(events.Done{Agent: "b", Attempt: 1, ResultRef: &b}, in))
	in, ok = saga.InputFrom(second)
	require.True(t, ok)
	want := events.Context{
		Task: json.RawMessage(`{}`), Results: map[string]json.RawMessage{"small": json.RawMessage("1")},
		Refs: map[string]events.Ref{"a": a, "b": b},
	}
	assert.Equal(t, want, in)
	assert.Equal(t, events.End{Result: want.Results, Refs: want.Refs}, saga.EndWith(in))

	s, _ := read(t, "1 task.submitted data={}\n2 a.started agent=a cause=task\n3 a.completed data="+
		string(marshal(t, events.Done{Agent: "a", Attempt: 1, ResultRef: &a})))
	assert.Equal(t, map[string]events.Ref{"a": a}, s.Input([]string{"a"}).Refs)
	assert.Empty(t, s.Input([]string{"a"}).Results)
	end := s.Settle(saga.Role{Type: s.Type, Step: "a", Final: true}, "me", s.Time).Events
	require.Len(t, end, 1)
	assert.Equal(t, events.End{Result: map[string]json.RawMessage{}, Refs: map[string]events.Ref{"a": a}}, end[0].Data)
}

// References take room, too.
func TestReferencesFillAContext(t *testing.T) {
	in := events.Context{Task: json.RawMessage(`{}`)}
	for i := range 300 {
		r := events.RefOf([]byte{byte(i)})
		r.Size = events.MaxResult
		in = saga.After(in, fmt.Sprint("step-", i), events.Done{ResultRef: &r})
		if saga.Attach(events.Done{}, in).Omitted {
			assert.Greater(t, len(in.Refs), 200)
			return
		}
		assert.Less(t, len(marshal(t, in)), events.MaxContext+1000)
	}
	t.Fatal("300 references fit into a context")
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

func TestFollows(t *testing.T) {
	task, a, skipped := `1 task.submitted`, `2 a.completed`, `2 a.skipped`
	for name, c := range map[string]struct {
		role saga.Role
		line string
		want bool
	}{
		"the entry, by the task":              {saga.Role{}, task, true},
		"a stand-in, by the task":             {saga.Role{StandIn: true}, task, false},
		"a follower, by the task":             {saga.Role{After: []string{"a"}}, task, false},
		"the only step before":                {saga.Role{After: []string{"a"}}, a, true},
		"the only step before, skipped":       {saga.Role{After: []string{"a"}}, skipped, true},
		"another step":                        {saga.Role{After: []string{"b"}}, a, false},
		"a join has to look at the other":     {saga.Role{After: []string{"a", "b"}}, a, false},
		"the entry, by a step":                {saga.Role{}, a, false},
		"a hand-over always looks":            {saga.Role{StandIn: true}, `2 a.fallback-b`, false},
		"a failure is nobody's to go on from": {saga.Role{After: []string{"a"}}, `2 a.failed-1`, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, c.role.Follows(event(t, strings.Fields(c.line))))
		})
	}
}
