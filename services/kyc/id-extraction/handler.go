package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

// schema is the file of passports that were read.
const schema = `CREATE TABLE IF NOT EXISTS records (
	key      TEXT PRIMARY KEY,
	name     TEXT NOT NULL,
	document TEXT NOT NULL
) STRICT`

type extraction struct{ kyc.Office }

func open(o kyc.Office) (agent.Handler, error) {
	e := extraction{o}
	return agent.Handler{
		Perform:       e.read,
		Compensations: agent.Compensations{"shred-record": e.shred},
	}, nil
}

// read reads the zone and files what it says.
func (e extraction) read(ctx context.Context, t agent.Task) (agent.Result, error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_applicant", "%w", err)
	}
	data, err := e.Store.Do(ctx, t.Key, func(tx *sql.Tx) ([]byte, error) {
		doc, err := mrz.Parse(a.Document.MRZ, time.Now())
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO records VALUES (?, ?, ?)`, t.Key, a.Name, string(data))
		return data, err
	})
	if unreadable, ok := errors.AsType[*mrz.SyntaxError](err); ok {
		return agent.Result{}, agent.Refuse("unreadable_zone", "%w", unreadable)
	}
	if err != nil {
		return agent.Result{}, kyc.Dead(fmt.Errorf("file the passport: %w", err))
	}
	return agent.Result{Data: json.RawMessage(data)}, nil
}

// shred takes the record out of the file.
func (e extraction) shred(ctx context.Context, u agent.Undo) error {
	return kyc.Found(e.Store.Undo(ctx, u.Of, func(tx *sql.Tx, _ []byte) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM records WHERE key = ?`, u.Of)
		return err
	}))
}
