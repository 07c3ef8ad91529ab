package index_test

import (
	"cmp"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/index"
)

// fates are ways in which a saga may go, as far as they are written here.
var fates = []func(say func(events.Subject, any)){
	func(func(events.Subject, any)) {},
	func(say func(events.Subject, any)) {
		say(events.Subject{Step: "seat", Kind: events.Completed}, events.Done{Agent: "seat", Attempt: 1})
		say(events.Subject{Kind: events.SagaCompleted}, events.End{})
	},
	func(say func(events.Subject, any)) {
		say(events.Subject{Step: "seat", Kind: events.Failed, N: 1}, events.Failure{Agent: "seat", Class: events.Transient, Error: events.Error{Code: "http_503"}, Then: events.ThenRetry})
	},
	func(say func(events.Subject, any)) {
		say(events.Subject{Step: "seat", Kind: events.Pending, N: 1}, events.Wait{Agent: "seat", Person: true})
	},
	func(say func(events.Subject, any)) {
		say(events.Subject{Step: "seat", Kind: events.Failed, N: 1}, events.Failure{Agent: "seat", Class: events.Refused, Error: events.Error{Code: "full"}, Then: events.ThenBack})
		say(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonFailed, Step: "seat", Error: &events.Error{Code: "full"}})
		say(events.Subject{Kind: events.SagaCompensated}, events.End{})
	},
	func(say func(events.Subject, any)) {
		say(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonCancelled, By: "ada"})
	},
	func(say func(events.Subject, any)) {
		say(events.Subject{Step: "nobody", Kind: events.Completed}, events.Done{Agent: "nobody"})
	},
}

// world is a broker with some sagas of two types, and an index of them.
func world(t *testing.T) *index.Index {
	log := brokertest.Connect(t, brokertest.Serve(t), broker.Config{})
	for n := range 70 {
		typ := []string{"trip", "taxi"}[n%3/2]
		require.NoError(t, log.Ensure(t.Context(), typ))
		say := func(at events.Subject, data any) {
			at.Type, at.ID = typ, string(rune('a'+n%5))+"-"+string(rune('A'+n/26))+string(rune('A'+n%26))
			e, err := events.New(at, "test", events.Event{}, data)
			require.NoError(t, err)
			_, err = log.Append(t.Context(), e)
			require.NoError(t, err)
		}
		say(events.Subject{Kind: events.Submitted}, "a task")
		say(events.Subject{Step: "seat", Kind: events.Started}, events.Claim{Agent: "seat", Cause: events.CauseTask, Deadline: time.Now().Add(time.Hour)})
		fates[n%len(fates)](say)
	}
	x, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	require.NoError(t, err)
	t.Cleanup(x.Close)
	require.NoError(t, x.CatchUp(t.Context(), log, nil))
	return x
}

// TestFindsWhatFits asks for anything, and holds the answer against all sagas, one by
// one.
func TestFindsWhatFits(t *testing.T) {
	x := world(t)
	all, err := x.Find(t.Context(), index.Query{})
	require.NoError(t, err)
	require.Len(t, all, 70)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 150 {
		q := random(r, all)
		want := slices.DeleteFunc(slices.Clone(all), func(s index.Saga) bool { return !fits(q, s) })
		slices.SortStableFunc(want, func(a, b index.Saga) int { return order(q, a, b) })
		n, more, err := x.Count(t.Context(), q)
		require.NoError(t, err)
		require.False(t, more)
		require.Equal(t, len(want), n, "%+v", q)
		if q.Limit > 0 {
			want = want[:min(q.Limit, len(want))]
		}
		got, err := x.Find(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, ids(want), ids(got), "%+v", q)
	}
}

func ids(list []index.Saga) (ids []string) {
	for _, s := range list {
		ids = append(ids, s.Type+"/"+s.ID)
	}
	return ids
}

func random(r *rand.Rand, all []index.Saga) (q index.Query) {
	one := func(in int) bool { return r.IntN(in) == 0 }
	some := all[r.IntN(len(all))]
	if one(3) {
		q.Types = []string{some.Type}
	}
	for one(2) {
		q.Statuses = append(q.Statuses, index.Statuses[r.IntN(len(index.Statuses))])
	}
	if one(6) {
		q.Agent = "seat"
	}
	if one(6) {
		q.Step = []string{"seat", "task"}[r.IntN(2)]
	}
	if one(6) && some.Error != nil {
		q.Code, q.Class = some.Error.Code, some.Error.Class
	}
	if one(6) {
		q.Prefix = some.ID[:1+r.IntN(3)]
	}
	if one(6) {
		q.Since = some.Changed
	}
	if one(6) {
		q.Before = some.Changed
	}
	q.Failed, q.Person, q.Reverse = one(6), one(8), one(3)
	q.Sort = index.Sorts[r.IntN(len(index.Sorts))]
	q.Limit = r.IntN(20)
	return q
}

func fits(q index.Query, s index.Saga) bool {
	at := func(fit func(step, agent string) bool) bool {
		return slices.ContainsFunc(s.At, func(p index.Place) bool { return fit(p.Step, p.Agent) }) ||
			s.Error != nil && fit(s.Error.Step, s.Error.Agent) || s.Turned != nil && fit(s.Turned.Step, s.Turned.Agent)
	}
	status := s.Status
	if status == index.Retrying && !slices.Contains(q.Statuses, index.Retrying) {
		status = saga.Running
	}
	return (len(q.Types) == 0 || slices.Contains(q.Types, s.Type)) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, status)) &&
		(q.Agent == "" && q.Step == "" || at(func(step, agent string) bool {
			return (q.Agent == "" || q.Agent == agent) && (q.Step == "" || q.Step == step)
		})) &&
		(q.Code == "" || s.Error != nil && s.Error.Code == q.Code) && (q.Class == "" || s.Error != nil && s.Error.Class == q.Class) &&
		strings.HasPrefix(s.ID, q.Prefix) && (q.Since.IsZero() || !s.Changed.Before(q.Since)) && (q.Before.IsZero() || s.Changed.Before(q.Before)) &&
		(!q.Failed || s.Failed()) && (!q.Person || s.Person) && (q.Sort != index.ByDeadline || !s.Deadline.IsZero())
}

func order(q index.Query, a, b index.Saga) int {
	c := b.Changed.Compare(a.Changed)
	switch q.Sort {
	case index.ByBegan:
		c = b.Began.Compare(a.Began)
	case index.ByDeadline:
		c = a.Deadline.Compare(b.Deadline)
	}
	if q.Reverse {
		c = -c
	}
	return c
}

// TestCauses groups what went wrong, and finds the sagas of each group again.
func TestCauses(t *testing.T) {
	x := world(t)
	causes, err := x.Causes(t.Context(), index.Query{Types: []string{"trip"}})
	require.NoError(t, err)
	require.Len(t, causes, 2)
	for _, c := range causes {
		found, err := x.Find(t.Context(), c.Query())
		require.NoError(t, err)
		require.Len(t, found, c.Sagas)
		require.Equal(t, c.Latest, found[0].ID)
		require.Equal(t, c.Last, found[0].Changed)
		require.Equal(t, c.First, found[len(found)-1].Changed)
		for _, s := range found {
			require.Equal(t, c.Status, s.Status)
		}
		if c.Status == saga.Compensated {
			require.Equal(t, []string{"failed", "seat", "seat", "full"}, []string{c.Reason, c.Step, c.Agent, c.Code})
		} else {
			require.Equal(t, index.Unreadable, c.Status)
			require.Contains(t, c.Says, "which was never claimed")
		}
	}
	for _, by := range index.Bys {
		groups, err := x.Group(t.Context(), index.Query{Failed: true}, by)
		require.NoError(t, err)
		require.NotEmpty(t, groups, by)
		require.True(t, slices.IsSortedFunc(groups, func(a, b index.Group) int { return cmp.Compare(b.Sagas, a.Sagas) }))
	}
}
