package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/order/purchase"
)

// schema is the book of payments: what each is for, and where at Stripe it is.
const schema = `CREATE TABLE IF NOT EXISTS payments (
	key      text    PRIMARY KEY, -- of the work that pays
	saga     text    NOT NULL,
	amount   bigint  NOT NULL,
	currency text    NOT NULL,
	intent   text    UNIQUE,
	closed   boolean NOT NULL DEFAULT false -- undone: no intent is to be confirmed any more
)`

// note notes a payment, once; [agent.ErrDead] if it was undone.
func (p payment) note(ctx context.Context, key, saga string, q purchase.Quote) error {
	_, err := p.Barrier.Do(ctx, key, func(tx pgx.Tx) (agent.Result, error) {
		_, err := tx.Exec(ctx, `INSERT INTO payments (key, saga, amount, currency) VALUES ($1, $2, $3, $4)`, key, saga, q.Total, q.Currency)
		return agent.Result{}, err
	})
	return err
}

// noted is the intent of a payment; "" if there is none yet.
func (p payment) noted(ctx context.Context, key string) (id string, err error) {
	err = p.QueryRow(ctx, `SELECT coalesce(intent, '') FROM payments WHERE key = $1`, key).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("look up the intent of payment %s: %w", key, err)
	}
	return id, nil
}

// noteIntent notes where a payment is. [agent.ErrDead] if it was undone meanwhile:
// then the intent is left as it is, unconfirmed.
func (p payment) noteIntent(ctx context.Context, key, id string) error {
	tag, err := p.Exec(ctx, `UPDATE payments SET intent = $2 WHERE key = $1 AND NOT closed AND (intent IS NULL OR intent = $2)`, key, id)
	switch {
	case err != nil:
		return fmt.Errorf("note intent %s of payment %s: %w", id, key, err)
	case tag.RowsAffected() == 0:
		return errors.Join(agent.ErrDead, p.till.cancel(ctx, id))
	}
	return nil
}

// closeNote closes a payment for ever and returns its intent, which whoever would
// note another one waits for.
func (p payment) closeNote(ctx context.Context, tx pgx.Tx, key string) (id string, err error) {
	err = tx.QueryRow(ctx, `UPDATE payments SET closed = true WHERE key = $1 RETURNING coalesce(intent, '')`, key).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("close payment %s: %w", key, err)
	}
	return id, nil
}
