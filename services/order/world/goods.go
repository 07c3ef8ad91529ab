package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/services/order/purchase"
)

// goods are what the shop sells, and how many there are in the warehouses.
var goods = []struct {
	sku, name string
	price     int64
	stock     [2]int64
}{
	{"tea", "Darjeeling, 100 g", 950, [2]int64{100_000, 100_000}},
	{"cup", "cup", 1200, [2]int64{100_000, 100_000}},
	{"kettle", "kettle", 8900, [2]int64{0, 100_000}},  // sold out in the first
	{"samovar", "samovar", 24_900, [2]int64{0, 0}},    // and in both
	{"teapot", "teapot", 3900, [2]int64{100_000, 10}}, // as a test wants it, see Stock
}

func (w *World) fill(ctx context.Context) error {
	for _, g := range goods {
		if _, err := w.Shop.Exec(ctx, `INSERT INTO products VALUES ($1, $2, $3)`, g.sku, g.name, g.price); err != nil {
			return fmt.Errorf("put %q into the catalogue: %w", g.sku, err)
		}
		for i, n := range g.stock {
			if err := w.Stock(ctx, i, g.sku, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// Stock sets how many of a thing are on the shelves of a warehouse.
func (w *World) Stock(ctx context.Context, warehouse int, sku string, n int64) error {
	_, err := w.Warehouses[warehouse].Exec(ctx,
		`INSERT INTO stock (sku, on_hand) VALUES ($1, $2) ON CONFLICT (sku) DO UPDATE SET on_hand = $2`, sku, n)
	if err != nil {
		return fmt.Errorf("put %d of %q into %s: %w", n, sku, w.Warehouses[warehouse].Name, err)
	}
	return nil
}

// Lock closes a warehouse: whoever is connected to its database is thrown out, and
// nobody gets in until it is opened again.
func (w *World) Lock(ctx context.Context, warehouse int) (open func() error) {
	admin := func(sql string) error {
		conn, err := pgx.Connect(ctx, w.postgres.DSN())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, sql)
		return err
	}
	name := w.Warehouses[warehouse].Name
	err := admin(fmt.Sprintf(`ALTER DATABASE %q ALLOW_CONNECTIONS false`, name))
	err = errors.Join(err, admin(fmt.Sprintf(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'`, name)))
	return func() error {
		return errors.Join(err, admin(fmt.Sprintf(`ALTER DATABASE %q ALLOW_CONNECTIONS true`, name)))
	}
}

// Want is an order of so many of each thing, paid by a card that is good.
func Want(name string, lines ...purchase.Line) purchase.Purchase {
	return purchase.Purchase{Name: name, Email: "customer@unwind.example", Lines: lines, Method: "pm_card_visa"}
}

// Declined is the same, by a card that Stripe declines in test mode.
func Declined(p purchase.Purchase) purchase.Purchase {
	p.Method = "pm_card_chargeDeclined"
	return p
}

// Task is an order as it is submitted.
func Task(p purchase.Purchase) []byte {
	payload, err := json.Marshal(p)
	if err != nil {
		panic(err) // it has nothing that JSON has not
	}
	return payload
}
