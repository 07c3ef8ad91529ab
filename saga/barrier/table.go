package barrier

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A table is where notes are kept, in the words of one database. Tx is a
// transaction of its driver.
type table[Tx any] interface {
	// transact runs do in a transaction of its own: committed if do returns
	// nil, and rolled back otherwise, after a panic too. [errUnsure] in the
	// error says that nobody knows whether it was committed.
	transact(ctx context.Context, do func(tx Tx) error) error
	// nested runs do inside a transaction, which is as it was before if do
	// returns an error or panics.
	nested(ctx context.Context, tx Tx, do func() error) error

	// insert writes a note unless its key has one, and reports whether it
	// did. If another transaction is just writing one, it waits for its end.
	insert(ctx context.Context, tx Tx, n Note) (bool, error)
	// hold reads a key's note, and keeps all others away from it until the
	// transaction ends.
	hold(ctx context.Context, tx Tx, key string) (n Note, found bool, err error)
	update(ctx context.Context, tx Tx, n Note) error
	remove(ctx context.Context, tx Tx, key string) error

	// look reads a key's note outside of any transaction, as it was last
	// committed.
	look(ctx context.Context, key string) (n Note, found bool, err error)
	forget(ctx context.Context, age time.Duration) (int64, error)

	// fits returns an error that says how the table differs from what is
	// needed: above all, that it is not there.
	fits(ctx context.Context) error
	create(ctx context.Context) error

	// again reports whether an error says that a transaction lost against
	// another, and may win when it is tried again from its start.
	again(err error) bool
}

// defaultTable is where notes are kept if nobody says where else.
const defaultTable = "unwind_barrier"

// tableName checks a table's name, with its schema or without: it becomes part
// of statements.
func tableName(name string) (quoted string, err error) {
	parts := strings.Split(name, ".")
	if len(parts) > 2 {
		return "", fmt.Errorf("table %q: want a name, or schema.name", name)
	}
	for i, part := range parts {
		if part == "" || len(part) > 48 || part[0] >= '0' && part[0] <= '9' {
			return "", fmt.Errorf("table %q: a name has 1 to 48 characters and begins with a letter", name)
		}
		for _, c := range part {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
				return "", fmt.Errorf("table %q: %q is not allowed, only a-z, 0-9 and _", name, c)
			}
		}
		parts[i] = `"` + part + `"`
	}
	return strings.Join(parts, "."), nil
}
