package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
	"github.com/unwind-saga/unwind/services/kyc/rules"
)

// schema is the register: which passport served whose application.
const schema = `CREATE TABLE IF NOT EXISTS register (
	issuer  TEXT NOT NULL,
	number  TEXT NOT NULL,
	used_by TEXT NOT NULL,
	PRIMARY KEY (issuer, number)
) STRICT`

type settings struct {
	MinimumAge int  `yaml:"minimum_age"`
	Specimens  bool `yaml:"specimens"`
}

type validation struct {
	kyc.Office
	rules rules.Config
}

func open(o kyc.Office) (agent.Handler, error) {
	var s settings
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	v := validation{o, rules.Config{MinimumAge: s.MinimumAge, Specimens: s.Specimens}}
	return agent.Handler{
		Perform:       v.Store.Perform(v.judge),
		Compensations: agent.Compensations{"release-document": v.Store.Compensate(v.release)},
	}, nil
}

// A verdict is what later steps may read.
type verdict struct {
	Findings []rules.Finding `json:"findings"` // for review; whatever forbids going on refuses
}

// judge judges the passport and enters it into the register.
func (v validation) judge(ctx context.Context, tx *sql.Tx, t agent.Task) (agent.Result, error) {
	var doc mrz.Document
	if err := t.Result("id-extraction", &doc); err != nil {
		return agent.Result{}, err
	}
	findings, err := rules.Judge(doc, time.Now(), t.ID, register{ctx, tx}, v.rules)
	if err != nil {
		return agent.Result{}, fmt.Errorf("judge the passport: %w", err)
	}
	if rules.Refused(findings) {
		return agent.Result{}, agent.Refuse("bad_document", "passport %s of %s: %s", doc.Number, doc.Issuer, reasons(findings))
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO register VALUES (?, ?, ?)`, doc.Issuer, doc.Number, t.ID); err != nil {
		return agent.Result{}, fmt.Errorf("enter the passport into the register: %w", err)
	}
	return agent.Result{Data: verdict{findings}}, nil
}

// release takes the passport out of the register.
func (v validation) release(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM register WHERE used_by = ?`, u.ID)
	return err
}

func reasons(findings []rules.Finding) string {
	var list []string
	for _, f := range findings {
		if f.Severity == rules.Refuse {
			list = append(list, f.Detail)
		}
	}
	return strings.Join(list, "; ")
}

// register is the table, as the transaction of one judgement sees it.
type register struct {
	ctx context.Context //nolint:containedctx // the lifetime of one transaction
	tx  *sql.Tx
}

// Standing implements [rules.Register].
func (r register) Standing(issuer, number string) (rules.Standing, error) {
	var s rules.Standing
	err := r.tx.QueryRowContext(r.ctx, `SELECT used_by FROM register WHERE issuer = ? AND number = ?`, issuer, number).Scan(&s.UsedBy)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("look passport %s of %s up: %w", number, issuer, err)
	}
	return s, nil
}
