package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/mrz"
	"github.com/unwind-saga/unwind/services/kyc/risk"
	"github.com/unwind-saga/unwind/services/kyc/rules"
	"github.com/unwind-saga/unwind/services/kyc/screening"
)

// schema is the file of cases.
const schema = `CREATE TABLE IF NOT EXISTS cases (
	key        TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	assessment TEXT NOT NULL
) STRICT`

type settings struct {
	RefuseAt int `yaml:"refuse_at"`
}

type scoring struct {
	kyc.Office
	list   *screening.List
	config risk.Config
}

func open(o kyc.Office) (agent.Handler, error) {
	var s settings
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	r := scoring{o, screening.Default(), risk.Config{RefuseAt: s.RefuseAt}}
	return agent.Handler{
		Perform:       r.assess,
		Compensations: agent.Compensations{"close-case": r.Store.Compensate(r.closeCase)},
	}, nil
}

// assess decides, and opens a case for whoever passes.
func (r scoring) assess(ctx context.Context, t agent.Task) (agent.Result, error) {
	name, e, err := r.evidence(t)
	if err != nil {
		return agent.Result{}, err
	}
	a := risk.Assess(e, r.config)
	if a.Refused {
		return agent.Result{}, agent.Refuse("risk", "risk %d of %d: %s", a.Score, risk.Most, reasons(a))
	}
	data, err := json.Marshal(a)
	if err != nil {
		return agent.Result{}, err
	}
	return r.Store.Do(ctx, t.Key, func(tx *sql.Tx) (agent.Result, error) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO cases VALUES (?, ?, ?)`, t.Key, name, string(data)); err != nil {
			return agent.Result{}, fmt.Errorf("open a case: %w", err)
		}
		return agent.Result{Data: json.RawMessage(data)}, nil
	})
}

// evidence collects what the steps before found, and screens both names: the
// passport's and the one that the applicant goes by.
func (r scoring) evidence(t agent.Task) (name string, e risk.Evidence, err error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return "", e, agent.Refuse("bad_applicant", "%w", err)
	}
	var doc mrz.Document
	if err := t.Result("id-extraction", &doc); err != nil {
		return "", e, err
	}
	var judged struct {
		Findings []rules.Finding `json:"findings"`
	}
	if err := t.Result("document-validation", &judged); err != nil {
		return "", e, err
	}
	var face kyc.Likeness
	if err := t.Result("face-matching", &face); err != nil {
		return "", e, err
	}
	e = risk.Evidence{Issuer: doc.Issuer, Nationality: doc.Nationality, Findings: judged.Findings, Face: face.Face}
	for _, name := range []string{doc.Name(), a.Name} {
		e.Hits = append(e.Hits, r.list.Screen(screening.Person{Name: name, Birth: doc.Birth}, screening.Config{})...)
	}
	return a.Name, e, nil
}

func reasons(a risk.Assessment) string {
	var list []string
	for _, c := range a.Contributions {
		list = append(list, fmt.Sprintf("%s %d (%s)", c.Name, c.Points, c.Detail))
	}
	return strings.Join(list, "; ")
}

func (r scoring) closeCase(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM cases WHERE key = ?`, u.Of)
	return err
}
