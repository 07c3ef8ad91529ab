package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/catalogue"
	"github.com/unwind-saga/unwind/services/order/warehouse"
)

// Config is what is not the same everywhere. The zero value works.
type Config struct {
	Say func(string) // told what takes long
}

// A World runs on loopback, and keeps what it keeps in one folder.
type World struct {
	Bank          *bank.Bank
	First, Second *Post    // mail servers
	Shop          *Place   // products, and the book of payments
	Warehouses    []*Place // Berlin and Leipzig, in the order in which they are asked

	postgres *pgtest.Server
	data     string // folder of PostgreSQL
	mock     *child
	server   *http.Server
	address  string // of the bank
}

// A Place is a house's database.
type Place struct {
	*pgxpool.Pool
	Name string
	DSN  string
}

// Open opens the houses. The folder is for letters and logs.
func Open(ctx context.Context, folder string, c Config) (_ *World, err error) {
	w := &World{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the world: %w", err), w.Close())
		}
	}()
	if c.Say == nil {
		c.Say = func(string) {}
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	for _, open := range []func(context.Context, string, func(string)) error{w.openDatabases, w.openPosts, w.openBank} {
		if err := open(ctx, folder, c.Say); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *World) openDatabases(ctx context.Context, _ string, _ func(string)) (err error) {
	// Not in the folder: root's PostgreSQL runs as a user who may not reach it.
	if w.data, err = os.MkdirTemp("", "unwind-order-"); err != nil {
		return err
	}
	if w.postgres, err = pgtest.Start(ctx, w.data); err != nil {
		return err
	}
	shop, err := w.place(ctx, "Shop", catalogue.Schema)
	if err != nil {
		return err
	}
	w.Shop = shop
	for _, name := range []string{"Berlin", "Leipzig"} {
		p, err := w.place(ctx, name, warehouse.Schema)
		if err != nil {
			return err
		}
		w.Warehouses = append(w.Warehouses, p)
	}
	return w.fill(ctx)
}

// place makes a house's database, with its tables.
func (w *World) place(ctx context.Context, name, schema string) (*Place, error) {
	admin, err := pgx.Connect(ctx, w.postgres.DSN())
	if err != nil {
		return nil, err
	}
	defer func() { _ = admin.Close(ctx) }()
	if _, err := admin.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize()); err != nil { //nolint:misspell // pgx is American
		return nil, err
	}
	dsn, err := url.Parse(w.postgres.DSN())
	if err != nil {
		return nil, err
	}
	dsn.Path = "/" + name
	p := &Place{Name: name, DSN: dsn.String()}
	if p.Pool, err = pgxpool.New(ctx, p.DSN); err != nil {
		return nil, err
	}
	_, err = p.Exec(ctx, schema)
	return p, err
}

func (w *World) openPosts(ctx context.Context, folder string, say func(string)) error {
	program, err := build(ctx, mailpit, say)
	if err != nil {
		return err
	}
	if w.First, err = openPost(ctx, program, folder, "first"); err != nil {
		return err
	}
	w.Second, err = openPost(ctx, program, folder, "second")
	return err
}

// takes is how long the bank takes for moving money.
const takes = 30 * time.Millisecond

func (w *World) openBank(ctx context.Context, folder string, say func(string)) error {
	program, err := build(ctx, stripeMock, say)
	if err != nil {
		return err
	}
	mock, err := free()
	if err != nil {
		return err
	}
	// Nobody needs its HTTPS, but without an address it listens at one for all.
	if w.mock, err = start(filepath.Join(folder, "stripe-mock.log"), program, "-http-addr", mock, "-https-addr", "127.0.0.1:0"); err != nil {
		return err
	}
	if err := w.mock.answers(ctx, "http://"+mock); err != nil {
		return fmt.Errorf("start stripe-mock: %w", err)
	}
	if w.Bank, err = bank.New("http://"+mock, bank.Config{Takes: takes}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.address = "http://" + l.Addr().String()
	w.server = &http.Server{Handler: w.Bank.Handler()} //nolint:gosec // on loopback, for a test
	// Each request on a connection of its own: on one that was used before,
	// Go's client repeats by itself what was cut, and hides it from the saga.
	w.server.SetKeepAlivesEnabled(false)
	go func() { _ = w.server.Serve(l) }()
	return nil
}

// Env tells the agents where everything is.
func (w *World) Env() []string {
	env := []string{
		"SHOP_DATABASE=" + w.Shop.DSN,
		"WAREHOUSE_DATABASE=" + w.Warehouses[0].DSN,
		"SECOND_WAREHOUSE_DATABASE=" + w.Warehouses[1].DSN,
		"STRIPE_URL=" + w.address,
		"STRIPE_KEY=sk_test_unwind",
	}
	env = append(env, w.First.env("")...)
	return append(env, w.Second.env("SECOND_")...)
}

// Stripe is the address of the bank.
func (w *World) Stripe() string { return w.address }

// Addresses are where a person can look, or have something fail.
type Addresses struct{ Letters, SecondLetters, Books, Faults string }

// Addresses says where that is.
func (w *World) Addresses() Addresses {
	return Addresses{"http://" + w.First.http, "http://" + w.Second.http, w.address + "/bank/intents", w.address + "/bank/faults"}
}

// Close closes the houses.
func (w *World) Close() error {
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	w.mock.stop()
	for _, p := range []*Post{w.First, w.Second} {
		if p != nil {
			p.Stop()
		}
	}
	for _, p := range append([]*Place{w.Shop}, w.Warehouses...) {
		if p != nil {
			p.Close()
		}
	}
	if w.postgres != nil {
		w.postgres.Stop()
	}
	if w.data != "" {
		errs = append(errs, os.RemoveAll(w.data))
	}
	return errors.Join(errs...)
}
