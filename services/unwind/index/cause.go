package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/saga"
)

// A Cause is why sagas went wrong that went wrong alike: put aside because their
// histories make no sense, rejected, stuck, or turned back by a failure, at the
// same step of the same agent with the same code.
type Cause struct {
	Status saga.Status `json:"status"` // unreadable, rejected, stuck, unwinding or compensated
	Type   string      `json:"type"`
	Reason string      `json:"reason,omitempty"` // why they turned: failed, deadline or rejected
	Step   string      `json:"step,omitempty"`
	Agent  string      `json:"agent,omitempty"`
	Code   string      `json:"code,omitempty"`
	Sagas  int         `json:"sagas"`
	First  time.Time   `json:"first"` // when the first of them changed last
	Last   time.Time   `json:"last"`
	Latest string      `json:"latest"`         // the id of the one that changed last
	Says   string      `json:"says,omitempty"` // its message
}

// Of a saga that turned, the cause is what turned it; of the others, the last error.
// A saga that is stuck while it is undone needs somebody for the last error too.
const (
	causeFrom = `CASE WHEN status IN ('compensated', 'unwinding') THEN `
	causeStep = causeFrom + `turn_step ELSE error_step END`
	causeWho  = causeFrom + `turn_agent ELSE error_agent END`
	causeCode = causeFrom + `turn_code ELSE error_code END`
	causeSays = causeFrom + `turn_message ELSE error_message END`
)

// Causes groups what went wrong for good ([Query.Failed]) of what a query asks for,
// the most frequent first. [Cause.Query] asks for the sagas of one.
func (x *Index) Causes(ctx context.Context, q Query) ([]Cause, error) {
	fail := func(err error) ([]Cause, error) {
		return nil, fmt.Errorf("search the index for causes: %w", explain(err))
	}
	q.Failed, q.Sort = true, ""
	parts, err := x.parts(ctx, q)
	if err != nil {
		return fail(err)
	}
	causes := []Cause{}
	for _, p := range parts {
		// Of the columns beside max(changed), SQLite takes those of that row.
		rows, err := x.reading.QueryContext(ctx, `SELECT status, (SELECT type FROM stream WHERE stream.n = saga.stream), coalesce(turn_reason, ''),
			coalesce(`+causeStep+`, ''), coalesce(`+causeWho+`, ''), coalesce(`+causeCode+`, ''), count(*), min(changed), max(changed), id, coalesce(`+causeSays+`, '')
			FROM saga WHERE `+p.where+` GROUP BY 1, 2, 3, 4, 5, 6`, p.args...)
		if err != nil {
			return fail(err)
		}
		for rows.Next() {
			var c Cause
			var first, last int64
			if err := rows.Scan(&c.Status, &c.Type, &c.Reason, &c.Step, &c.Agent, &c.Code, &c.Sagas, &first, &last, &c.Latest, &c.Says); err != nil {
				return fail(err)
			}
			c.First, c.Last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
			causes = append(causes, c)
		}
		if err := rows.Err(); err != nil {
			return fail(err)
		}
	}
	slices.SortFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Sagas, a.Sagas), b.Last.Compare(a.Last), cmp.Compare(a.Latest, b.Latest))
	})
	return causes, nil
}

// Query asks for the sagas of a cause.
func (c Cause) Query() Query {
	return Query{Types: []string{c.Type}, Statuses: []saga.Status{c.Status}, Failed: true, cause: &c}
}
