// Package warehouse keeps count of what is on its shelves and of what is reserved
// of it, in PostgreSQL. Begin with [Reserve] and [Release], which work in a
// transaction of the caller's; [Schema] makes the tables.
//
// Overselling is impossible by a constraint, never_oversold, and not by care:
// whoever reserves adds to what is reserved, and the table refuses the sum that
// is larger than the shelf. Two orders for the last piece wait for each other at
// its row, and one of them is refused. Rows are taken in the order of their names,
// so that two orders never wait for each other crosswise.
package warehouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/unwind-saga/unwind/services/order/purchase"
)

// Schema makes the tables, unless they are there.
const Schema = `
CREATE TABLE IF NOT EXISTS stock (
	sku      text   PRIMARY KEY,
	on_hand  bigint NOT NULL CHECK (on_hand >= 0),
	reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
	CONSTRAINT never_oversold CHECK (reserved <= on_hand)
);
CREATE TABLE IF NOT EXISTS reservations (
	key      text   NOT NULL, -- of the work that reserved it
	sku      text   NOT NULL REFERENCES stock,
	quantity bigint NOT NULL CHECK (quantity > 0),
	PRIMARY KEY (key, sku)
)`

// ErrShort is a warehouse that has less than was asked for. Nothing is reserved
// then, and the transaction can only be rolled back.
var ErrShort = errors.New("there is not enough in stock")

// Reserve reserves all lines under a key, or returns an error.
func Reserve(ctx context.Context, tx pgx.Tx, key string, lines []purchase.Line) error {
	lines = slices.SortedFunc(slices.Values(lines), func(a, b purchase.Line) int { return cmp.Compare(a.SKU, b.SKU) })
	for _, l := range lines {
		tag, err := tx.Exec(ctx, `UPDATE stock SET reserved = reserved + $2 WHERE sku = $1`, l.SKU, l.Quantity)
		refused, _ := errors.AsType[*pgconn.PgError](err)
		switch {
		case refused != nil && refused.ConstraintName == "never_oversold", err == nil && tag.RowsAffected() == 0:
			return fmt.Errorf("reserve %d of %q: %w", l.Quantity, l.SKU, ErrShort)
		case err != nil:
			return fmt.Errorf("reserve %d of %q: %w", l.Quantity, l.SKU, err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO reservations VALUES ($1, $2, $3)`, key, l.SKU, l.Quantity); err != nil {
			return fmt.Errorf("note the reservation of %q: %w", l.SKU, err)
		}
	}
	return nil
}

// Release gives back what is reserved under a key, if anything is.
func Release(ctx context.Context, tx pgx.Tx, key string) error {
	// Taken in order first: an UPDATE with a join takes them as they come.
	if _, err := tx.Exec(ctx, `SELECT FROM stock WHERE sku IN (SELECT sku FROM reservations WHERE key = $1) ORDER BY sku FOR UPDATE`, key); err != nil {
		return fmt.Errorf("release what %s reserved: %w", key, err)
	}
	_, err := tx.Exec(ctx, `
		WITH gone AS (DELETE FROM reservations WHERE key = $1 RETURNING sku, quantity)
		UPDATE stock SET reserved = reserved - gone.quantity FROM gone WHERE stock.sku = gone.sku`, key)
	if err != nil {
		return fmt.Errorf("release what %s reserved: %w", key, err)
	}
	return nil
}
