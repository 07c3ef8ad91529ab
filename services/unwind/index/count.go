package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/saga"
)

// Most is up to where Count counts one by one.
const Most = 10_000

// Count says how many sagas a query asks for. Where only types and statuses are
// asked for, that is known; else they are counted, up to [Most], and more says that
// there are more.
func (x *Index) Count(ctx context.Context, q Query) (n int, more bool, err error) {
	fail := func(err error) (int, bool, error) {
		return 0, false, fmt.Errorf("count in the index: %w", explain(err))
	}
	if q.plain() {
		tally, err := x.Tally(ctx, q.Types...)
		for status, sagas := range tally {
			if wanted := q.statuses(); len(wanted) == 0 || slices.Contains(wanted, status) {
				n += sagas
			}
		}
		return n, false, err
	}
	parts, err := x.parts(ctx, q)
	if err != nil {
		return fail(err)
	}
	for _, p := range parts {
		var some int
		statement := fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM saga WHERE %s LIMIT %d)`, p.where, Most+1)
		if err := x.reading.QueryRowContext(ctx, statement, p.args...).Scan(&some); err != nil {
			return fail(err)
		}
		n += some
	}
	return min(n, Most), n > Most, nil
}

// plain reports whether nothing but types and statuses is asked for.
func (q Query) plain() bool {
	return q.Agent == "" && q.Step == "" && q.Code == "" && q.Class == "" && q.Prefix == "" &&
		q.Since.IsZero() && q.Before.IsZero() && !q.Failed && !q.Person && q.cause == nil && q.Sort != ByDeadline
}

// Tally says how many sagas there are of each status, of some types or of all.
func (x *Index) Tally(ctx context.Context, types ...string) (map[saga.Status]int, error) {
	fail := func(err error) (map[saga.Status]int, error) {
		return nil, fmt.Errorf("count in the index: %w", explain(err))
	}
	rows, err := x.reading.QueryContext(ctx, `SELECT type, status, sagas FROM tally JOIN stream ON stream.n = tally.stream WHERE sagas > 0`)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	tally := map[saga.Status]int{}
	for rows.Next() {
		var typ string
		var status saga.Status
		var n int
		if err := rows.Scan(&typ, &status, &n); err != nil {
			return fail(err)
		}
		if len(types) == 0 || slices.Contains(types, typ) {
			tally[status] += n
		}
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return tally, nil
}

// Types lists the types that were read.
func (x *Index) Types(ctx context.Context) ([]string, error) {
	marks, err := x.marks(ctx)
	var types []string
	for typ := range marks {
		types = append(types, typ)
	}
	slices.Sort(types)
	return types, err
}
