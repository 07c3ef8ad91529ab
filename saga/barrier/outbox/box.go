package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Config is what is optional. Its zero value works.
type Config struct {
	Table  string // default "unwind_outbox"; in PostgreSQL also schema.table
	Silent bool   // Put rings no bell: relays find rows by polling

	// Trace reads the W3C trace context that the saga is to continue. By
	// default it is what [WithTrace] put into the context. With OpenTelemetry:
	//
	//	carrier := propagation.MapCarrier{}
	//	propagation.TraceContext{}.Inject(ctx, carrier)
	//	return carrier["traceparent"], carrier["tracestate"]
	Trace func(ctx context.Context) (traceparent, tracestate string)
}

// A Box is the outbox of one database, whose driver's transactions are Tx. It is
// safe for concurrent use.
type Box[Tx any] struct {
	table table[Tx]
	trace func(context.Context) (string, string)
	wrong error // in the configuration
}

// A table is where rows are, in the words of one database.
type table[Tx any] interface {
	// put writes a row, unless there is one with its type and id: then it
	// returns that one's payload.
	put(ctx context.Context, tx Tx, r Row) (other []byte, err error)
	// take hands waiting rows in order to try, up to limit, but of some types
	// none, and notes what came of each: all of them, or none if there is an
	// error. It says how many rows there were.
	take(ctx context.Context, limit int, but []string, keep bool, try func(Row) end) (int, error)
	// listen rings for each commit that had a Put in it, until ctx is done. It
	// returns at once where there is no such thing.
	listen(ctx context.Context, ring func()) error
	// poll is how often to look if nothing rings.
	poll() time.Duration

	backlog(ctx context.Context) (n int, oldest time.Time, err error)
	aside(ctx context.Context) ([]Row, error)
	again(ctx context.Context, typ, id string) (bool, error)
	forget(ctx context.Context, age time.Duration) (int64, error)

	fits(ctx context.Context) error
	create(ctx context.Context) error
}

func newBox[Tx any](t table[Tx], c Config, wrong error) *Box[Tx] {
	b := &Box[Tx]{table: t, trace: c.Trace, wrong: wrong}
	if b.trace == nil {
		b.trace = traceOf
	}
	return b
}

// Migrate makes the table, or finds that it is there. Any number of instances
// may do so at once. Where the table is, no more than reading it is needed.
func (b *Box[Tx]) Migrate(ctx context.Context) error {
	const attempt = "migrate the outbox"
	if b.wrong != nil {
		return fmt.Errorf("%s: %w", attempt, b.wrong)
	}
	if b.table.fits(ctx) == nil {
		return nil
	}
	if err := b.table.create(ctx); err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	if err := b.table.fits(ctx); err != nil {
		return fmt.Errorf("%s: %w\nhint: is the name taken by a table of another program?", attempt, err)
	}
	return nil
}

// Put puts a task into the table, in the caller's transaction: once that is
// committed, a saga of this type and id will begin. What no agent could accept
// is refused at once, and the transaction is none the worse for it.
//
// Putting the same task twice puts it once. Another task with an id that waits in
// the table is [ErrTaken]; of an id whose row was delivered and deleted, only the
// relay will find out, and put the second task aside.
func (b *Box[Tx]) Put(ctx context.Context, tx Tx, typ, id string, payload []byte) error {
	attempt := fmt.Sprintf("put the task of saga %s/%s into the outbox", typ, id)
	if b.wrong != nil {
		return fmt.Errorf("%s: %w", attempt, b.wrong)
	}
	if err := check(typ, id, payload); err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	r := Row{Type: typ, ID: id, Payload: payload}
	r.TraceParent, r.TraceState = b.trace(ctx)
	other, err := b.table.put(ctx, tx, r)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", attempt, err)
	case other != nil && !same(other, payload):
		return fmt.Errorf("%s: %w", attempt, ErrTaken)
	}
	return nil
}

// Backlog counts the rows that wait, and says since when the oldest of them
// does: the number to watch.
func (b *Box[Tx]) Backlog(ctx context.Context) (n int, oldest time.Time, err error) {
	if n, oldest, err = b.table.backlog(ctx); err != nil {
		return 0, time.Time{}, fmt.Errorf("count what waits in the outbox: %w", errors.Join(b.wrong, err))
	}
	return n, oldest, nil
}

// Aside lists the rows that were put aside, each with its error.
func (b *Box[Tx]) Aside(ctx context.Context) ([]Row, error) {
	rows, err := b.table.aside(ctx)
	if err != nil {
		return nil, fmt.Errorf("list what the outbox has put aside: %w", errors.Join(b.wrong, err))
	}
	return rows, nil
}

// Again lets a row that was put aside be tried as if it were new.
func (b *Box[Tx]) Again(ctx context.Context, typ, id string) error {
	attempt := fmt.Sprintf("try the task of saga %s/%s again", typ, id)
	found, err := b.table.again(ctx, typ, id)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", attempt, errors.Join(b.wrong, err))
	case !found:
		return fmt.Errorf("%s: it was not put aside", attempt)
	}
	return nil
}

// Forget removes the rows that were delivered longer ago than age, and says how
// many. There are none unless a relay keeps them.
func (b *Box[Tx]) Forget(ctx context.Context, age time.Duration) (int64, error) {
	n, err := b.table.forget(ctx, age)
	if err != nil {
		return 0, fmt.Errorf("forget what the outbox has delivered: %w", errors.Join(b.wrong, err))
	}
	return n, nil
}

// noteTime is how long a relay that is told to stop has to note what it has
// delivered.
const noteTime = 5 * time.Second

// defaultTable is where rows are if nobody says where else.
const defaultTable = "unwind_outbox"

// tableName checks a table's name, with its schema or without: it becomes part
// of statements. It returns the name in quotes, and that of its index.
func tableName(name string) (quoted, index string, err error) {
	parts := strings.Split(name, ".")
	if len(parts) > 2 {
		return "", "", fmt.Errorf("table %q: want a name, or schema.name", name)
	}
	for i, part := range parts {
		if part == "" || len(part) > 48 || part[0] >= '0' && part[0] <= '9' {
			return "", "", fmt.Errorf("table %q: a name has 1 to 48 characters and begins with a letter", name)
		}
		for _, c := range part {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
				return "", "", fmt.Errorf("table %q: %q is not allowed, only a-z, 0-9 and _", name, c)
			}
		}
		parts[i] = `"` + part + `"`
		index = `"` + part + `_waiting"`
	}
	return strings.Join(parts, "."), index, nil
}
