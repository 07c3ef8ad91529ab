package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/order"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/warehouse"
)

type settings struct {
	Database  string `yaml:"database"`
	Warehouse string `yaml:"warehouse"`
}

type stock struct {
	*order.Database
	name string
}

func open(ctx context.Context, cfg config.Config) (agent.Handler, func(), error) {
	var s settings
	if err := cfg.Settings(&s); err != nil {
		return agent.Handler{}, nil, err
	}
	db, err := order.OpenDatabase(ctx, s.Database, warehouse.Schema)
	if err != nil {
		return agent.Handler{}, nil, err
	}
	a := stock{db, s.Warehouse}
	return agent.Handler{Perform: a.reserve, Compensations: agent.Compensations{"release": a.release}}, db.Close, nil
}

// reserve reserves all of the order or nothing. A warehouse that is short can't,
// but another may: so it is not the order that is refused.
func (a stock) reserve(ctx context.Context, t agent.Task) (agent.Result, error) {
	p, err := purchase.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_purchase", "%w", err)
	}
	result, err := a.Barrier.Do(ctx, t.Key, func(tx pgx.Tx) (agent.Result, error) {
		return agent.Result{Data: purchase.Reservation{Warehouse: a.name}}, warehouse.Reserve(ctx, tx, t.Key, p.Lines)
	})
	if errors.Is(err, warehouse.ErrShort) {
		return agent.Result{}, agent.Unavailable("out_of_stock", err)
	}
	return result, order.Unreached(err)
}

func (a stock) release(ctx context.Context, u agent.Undo) error {
	return a.Barrier.Undo(ctx, u.Of, func(tx pgx.Tx, _ json.RawMessage) error {
		return warehouse.Release(ctx, tx, u.Of)
	})
}
