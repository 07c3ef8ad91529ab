package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// A Group is how many sagas have something in common.
type Group struct {
	Type  string `json:"type"`
	Name  string `json:"name"` // the status, the agent, ...; empty where there is none
	Sagas int    `json:"sagas"`
}

// A By says what sagas are grouped by.
type By string

// What they may be grouped by. A saga that stands at two agents is counted at both.
const (
	ByStatus By = "status"
	ByAgent  By = "agent"  // where it stands, whose error was the last, or whose failure turned it
	ByStep   By = "step"   // likewise
	ByCode   By = "error"  // the code of the last error; only sagas that had one
	ByReason By = "reason" // why it turned; only sagas that did
)

// Bys are all of them.
var Bys = []By{ByStatus, ByAgent, ByStep, ByCode, ByReason}

// Group counts the sagas that a query asks for, the most first.
func (x *Index) Group(ctx context.Context, q Query, by By) ([]Group, error) {
	fail := func(err error) ([]Group, error) { return nil, fmt.Errorf("count in the index: %w", explain(err)) }
	groups := []Group{}
	if by == ByStatus && q.plain() {
		types, err := x.Types(ctx)
		if err != nil {
			return nil, err
		}
		for _, typ := range types {
			if len(q.Types) > 0 && !slices.Contains(q.Types, typ) {
				continue
			}
			tally, err := x.Tally(ctx, typ)
			if err != nil {
				return nil, err
			}
			for status, n := range tally {
				if wanted := q.statuses(); len(wanted) == 0 || slices.Contains(wanted, status) {
					groups = append(groups, Group{typ, string(status), n})
				}
			}
		}
		return sorted(groups), nil
	}
	q.Sort = ""
	parts, err := x.parts(ctx, q)
	if err != nil {
		return fail(err)
	}
	for _, p := range parts {
		rows, err := x.reading.QueryContext(ctx, by.statement(p), p.args...)
		if err != nil {
			return fail(err)
		}
		for rows.Next() {
			var g Group
			if err := rows.Scan(&g.Type, &g.Name, &g.Sagas); err != nil {
				return fail(err)
			}
			groups = append(groups, g)
		}
		if err := rows.Err(); err != nil {
			return fail(err)
		}
	}
	return sorted(groups), nil
}

func (by By) statement(p part) string {
	const typ = `(SELECT type FROM stream WHERE stream.n = saga.stream)`
	column, from, and := `status`, `saga`, ``
	switch by {
	case ByAgent:
		column, from = `agent`, `saga JOIN (SELECT DISTINCT saga AS n, agent FROM place WHERE agent <> '') USING (n)`
	case ByStep:
		column, from = `step`, `saga JOIN (SELECT DISTINCT saga AS n, step FROM place WHERE step <> '') USING (n)`
	case ByCode:
		column, and = `error_code`, ` AND error_code IS NOT NULL`
	case ByReason:
		column, and = `turn_reason`, ` AND turn_reason IS NOT NULL`
	}
	return `SELECT ` + typ + `, ` + column + `, count(*) FROM ` + from + ` WHERE ` + p.where + and + ` GROUP BY ` + column
}

// sorted adds up what the parts have counted, and puts the most first.
func sorted(groups []Group) []Group {
	all := map[[2]string]int{}
	for _, g := range groups {
		all[[2]string{g.Type, g.Name}] += g.Sagas
	}
	groups = groups[:0]
	for key, n := range all {
		groups = append(groups, Group{key[0], key[1], n})
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Sagas, a.Sagas), strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	return groups
}
