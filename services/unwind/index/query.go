package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A Query says which sagas are wanted. What is zero asks for nothing.
type Query struct {
	Types    []string
	Statuses []saga.Status // running has retrying with it: it is the same to package saga
	Agent    string        // where it stands, whose error was the last, or whose failure turned it
	Step     string        // likewise
	Code     string        // of the last error
	Class    events.Class  // likewise
	Prefix   string        // of the id
	Since    time.Time     // its last event is not before that
	Before   time.Time     // its last event is before that
	Failed   bool          // as [Saga.Failed] says
	Person   bool          // a person must see to it

	Sort    Sort
	Reverse bool
	Limit   int // 0: all

	cause *Cause
}

// A Sort is an order.
type Sort string

// The orders.
const (
	ByChanged  Sort = "changed"  // the last event's time, the latest first
	ByBegan    Sort = "began"    // the first event's time, the latest first
	ByDeadline Sort = "deadline" // the soonest first; only sagas that have one
)

// Sorts are the orders that there are.
var Sorts = []Sort{ByChanged, ByBegan, ByDeadline}

// key is the column, and whether its highest value comes first.
func (q Query) key() (column string, descending bool) {
	switch q.Sort {
	case ByBegan:
		column, descending = "began", true
	case ByDeadline:
		column, descending = "deadline", false
	default:
		column, descending = "changed", true
	}
	return column, descending != q.Reverse
}

// A part is what a query asks of one type, and of one status where it names some: so
// that the database can walk one of its indexes in order, and stop.
type part struct {
	where string
	args  []any
}

// parts splits a query.
func (x *Index) parts(ctx context.Context, q Query) ([]part, error) {
	marks, err := x.marks(ctx)
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, m := range marks {
		if len(q.Types) > 0 && !slices.Contains(q.Types, m.typ) {
			continue
		}
		all := q.conditions(m.n)
		statuses := q.statuses()
		if len(statuses) == 0 {
			parts = append(parts, all)
		}
		for _, status := range statuses {
			parts = append(parts, part{all.where + ` AND status = ?`, append(slices.Clone(all.args), string(status))})
		}
	}
	return parts, nil
}

// statuses lists what may be, without repetition.
func (q Query) statuses() (list []saga.Status) {
	add := func(s saga.Status) {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, s := range q.Statuses {
		add(s)
		if s == saga.Running {
			add(Retrying)
		}
	}
	return list
}

func (q Query) conditions(stream int64) part {
	p := part{where: `stream = ?`, args: []any{stream}}
	and := func(condition string, args ...any) {
		p.where += ` AND ` + condition
		p.args = append(p.args, args...)
	}
	switch {
	case q.Agent != "" && q.Step != "":
		and(`n IN (SELECT saga FROM place WHERE stream = ? AND agent = ? AND step = ?)`, stream, q.Agent, q.Step)
	case q.Agent != "":
		and(`n IN (SELECT saga FROM place WHERE stream = ? AND agent = ?)`, stream, q.Agent)
	case q.Step != "":
		and(`n IN (SELECT saga FROM place WHERE stream = ? AND step = ?)`, stream, q.Step)
	}
	if q.Code != "" {
		and(`error_code = ?`, q.Code)
	}
	if q.Class != "" {
		and(`error_class = ?`, string(q.Class))
	}
	if q.Prefix != "" {
		and(`id >= ? AND id < ?`, q.Prefix, q.Prefix+"\x7f")
	}
	if !q.Since.IsZero() {
		and(`changed >= ?`, q.Since.UnixNano())
	}
	if !q.Before.IsZero() {
		and(`changed < ?`, q.Before.UnixNano())
	}
	if q.Failed {
		and(`failed = 1`)
	}
	if q.Person {
		and(`person = 1`)
	}
	if c := q.cause; c != nil {
		and(`coalesce(turn_reason, '') = ?`, c.Reason)
		and(`coalesce(`+causeStep+`, '') = ?`, c.Step)
		and(`coalesce(`+causeWho+`, '') = ?`, c.Agent)
		and(`coalesce(`+causeCode+`, '') = ?`, c.Code)
	}
	if q.Sort == ByDeadline {
		and(`deadline IS NOT NULL`)
	}
	return p
}

// Find returns the sagas that a query asks for, in its order.
func (x *Index) Find(ctx context.Context, q Query) ([]Saga, error) {
	found := []Saga{}
	for r, err := range x.Each(ctx, q) {
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// Each goes through the sagas that a query asks for, in its order, without holding
// them all. What is written meanwhile does not show.
func (x *Index) Each(ctx context.Context, q Query) iter.Seq2[Saga, error] {
	return func(yield func(Saga, error) bool) {
		fail := func(err error) { yield(Saga{}, fmt.Errorf("search the index: %w", explain(err))) }
		parts, err := x.parts(ctx, q)
		if err != nil {
			fail(err)
			return
		}
		statement, args := q.statement(parts)
		if statement == "" {
			return
		}
		rows, err := x.reading.QueryContext(ctx, statement, args...)
		if err != nil {
			fail(err)
			return
		}
		defer func() { _ = rows.Close() }() // Err below has what it would say
		for rows.Next() {
			r, err := scan(rows)
			if err != nil {
				fail(err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			fail(err)
		}
	}
}

const fields = `(SELECT type FROM stream WHERE stream.n = saga.stream), id, status, began, changed, coalesce(deadline, 0), coalesce(at, '[]'), attempts, events, seq, person, coalesce(fate, ''),
	coalesce(error_step, ''), coalesce(error_agent, ''), coalesce(error_class, ''), coalesce(error_code, ''), coalesce(error_message, ''),
	coalesce(turn_reason, ''), coalesce(turn_step, ''), coalesce(turn_agent, ''), coalesce(turn_class, ''), coalesce(turn_code, ''), coalesce(turn_message, '')`

// statement merges the parts: each gives its first ones in order, and of those the
// first are taken.
func (q Query) statement(parts []part) (string, []any) {
	if len(parts) == 0 {
		return "", nil
	}
	column, descending := q.key()
	ordered := func(by string) string {
		by = ` ORDER BY ` + by
		if descending {
			by += ` DESC`
		}
		if q.Limit > 0 {
			by += fmt.Sprintf(` LIMIT %d`, q.Limit)
		}
		return by
	}
	if len(parts) == 1 {
		return `SELECT ` + fields + ` FROM saga WHERE ` + parts[0].where + ordered(column), parts[0].args
	}
	var selects []string
	var args []any
	for _, p := range parts {
		selects = append(selects, `SELECT * FROM (SELECT n, `+column+` AS key FROM saga WHERE `+p.where+ordered(column)+`)`)
		args = append(args, p.args...)
	}
	return `SELECT ` + fields + ` FROM (` + strings.Join(selects, ` UNION ALL `) + ordered(`key`) + `) JOIN saga USING (n)` + ordered(`key`), args
}

func scan(rows *sql.Rows) (Saga, error) {
	var r Saga
	var e Trouble
	var t Turned
	var at string
	var began, changed, deadline int64
	err := rows.Scan(&r.Type, &r.ID, &r.Status, &began, &changed, &deadline, &at, &r.Attempts, &r.Events, &r.Seq, &r.Person, &r.Fate,
		&e.Step, &e.Agent, &e.Class, &e.Code, &e.Message, &t.Reason, &t.Step, &t.Agent, &t.Class, &t.Code, &t.Message)
	if err != nil {
		return r, err
	}
	r.Began, r.Changed = time.Unix(0, began).UTC(), time.Unix(0, changed).UTC()
	if deadline != 0 {
		r.Deadline = time.Unix(0, deadline).UTC()
	}
	if e != (Trouble{}) {
		r.Error = &e
	}
	if t.Reason != "" {
		r.Turned = &t
	}
	return r, json.Unmarshal([]byte(at), &r.At)
}
