package main

import (
	"context"
	"errors"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/order"
	"github.com/unwind-saga/unwind/services/order/catalogue"
	"github.com/unwind-saga/unwind/services/order/purchase"
)

func open(ctx context.Context, cfg config.Config) (agent.Handler, func(), error) {
	var s struct {
		Database string `yaml:"database"`
	}
	if err := cfg.Settings(&s); err != nil {
		return agent.Handler{}, nil, err
	}
	db, err := order.OpenDatabase(ctx, s.Database, catalogue.Schema)
	if err != nil {
		return agent.Handler{}, nil, err
	}
	return agent.Handler{Perform: func(ctx context.Context, t agent.Task) (agent.Result, error) {
		p, err := purchase.Read(t.Payload)
		if err != nil {
			return agent.Result{}, agent.Refuse("bad_purchase", "%w", err)
		}
		quote, err := catalogue.Price(ctx, db, p.Lines)
		if errors.Is(err, catalogue.ErrUnwanted) {
			return agent.Result{}, agent.Refuse("unwanted", "%w", err)
		}
		return agent.Result{Data: quote}, err
	}}, db.Close, nil
}
