// Package catalogue knows what the shop sells, and what it costs: in PostgreSQL,
// in one currency. Begin with [Price]; [Schema] makes its table. It knows nothing
// of what is in stock.
package catalogue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/services/order/purchase"
)

// Schema makes the table, unless it is there.
const Schema = `CREATE TABLE IF NOT EXISTS products (
	sku   text   PRIMARY KEY,
	name  text   NOT NULL,
	price bigint NOT NULL CHECK (price > 0) -- in cents
)`

// Currency is the only one.
const Currency = "eur"

// ErrUnwanted is an order that can't be priced: it names what is not sold, or the
// same thing twice.
var ErrUnwanted = errors.New("the order can't be priced")

// A Querier is a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Price says what the lines cost.
func Price(ctx context.Context, db Querier, lines []purchase.Line) (purchase.Quote, error) {
	q := purchase.Quote{Currency: Currency}
	seen := map[string]bool{}
	var words []string
	for _, l := range lines {
		if seen[l.SKU] {
			return purchase.Quote{}, fmt.Errorf("%w: %q is in it twice", ErrUnwanted, l.SKU)
		}
		seen[l.SKU] = true
		var name string
		var price int64
		err := db.QueryRow(ctx, `SELECT name, price FROM products WHERE sku = $1`, l.SKU).Scan(&name, &price)
		if errors.Is(err, pgx.ErrNoRows) {
			return purchase.Quote{}, fmt.Errorf("%w: there is no product %q", ErrUnwanted, l.SKU)
		}
		if err != nil {
			return purchase.Quote{}, fmt.Errorf("look up the price of %q: %w", l.SKU, err)
		}
		q.Total += price * l.Quantity
		words = append(words, fmt.Sprintf("%d × %s", l.Quantity, name))
	}
	q.Words = fmt.Sprintf("%s, %d.%02d EUR", strings.Join(words, ", "), q.Total/100, q.Total%100)
	return q, nil
}
