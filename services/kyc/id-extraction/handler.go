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
		Perform:       e.Store.Perform(e.read),
		Compensations: agent.Compensations{"shred-record": e.Store.Compensate(e.shred)},
	}, nil
}

// read reads the zone and files what it says.
func (e extraction) read(ctx context.Context, tx *sql.Tx, t agent.Task) (agent.Result, error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_applicant", "%w", err)
	}
	doc, err := mrz.Parse(a.Document.MRZ, time.Now())
	if unreadable, ok := errors.AsType[*mrz.SyntaxError](err); ok {
		return agent.Result{}, agent.Refuse("unreadable_zone", "%w", unreadable)
	}
	if err != nil {
		return agent.Result{}, err
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return agent.Result{}, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO records VALUES (?, ?, ?)`, t.Key, a.Name, string(data)); err != nil {
		return agent.Result{}, fmt.Errorf("file the passport: %w", err)
	}
	return agent.Result{Data: json.RawMessage(data)}, nil
}

// shred takes the record out of the file.
func (e extraction) shred(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM records WHERE key = ?`, u.Of)
	return err
}
