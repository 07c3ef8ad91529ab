package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/risk"
)

// schema is the file of comparisons.
const schema = `CREATE TABLE IF NOT EXISTS comparisons (
	key        TEXT PRIMARY KEY,
	similarity REAL NOT NULL
) STRICT`

type matching struct {
	kyc.Office
	detector *face.Detector
}

func open(o kyc.Office) (agent.Handler, error) {
	detector, err := face.NewDetector()
	if err != nil {
		return agent.Handler{}, err
	}
	m := matching{o, detector}
	return agent.Handler{
		Perform:       m.match,
		Compensations: agent.Compensations{"forget-comparison": m.Store.Compensate(m.forget)},
	}, nil
}

// match compares the two pictures here, and files what came of it.
func (m matching) match(ctx context.Context, t agent.Task) (agent.Result, error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_applicant", "%w", err)
	}
	similarity, err := m.compare(a)
	switch {
	case err != nil: // the same pictures give the same answer: there is no use in trying again
		return agent.Result{}, agent.Refuse("bad_picture", "%w", err)
	case similarity < face.QuickMatch:
		return agent.Result{}, agent.Refuse("no_match", "the selfie shows somebody else: similarity %.2f", similarity)
	}
	// The comparing is slow and needs no lock, the filing does.
	return m.Store.Do(ctx, t.Key, func(tx *sql.Tx) (agent.Result, error) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO comparisons VALUES (?, ?)`, t.Key, similarity); err != nil {
			return agent.Result{}, fmt.Errorf("file the comparison: %w", err)
		}
		return agent.Result{Data: kyc.Likeness{By: t.Agent, Face: risk.Face{Similarity: similarity, Threshold: face.QuickMatch}}}, nil
	})
}

func (m matching) compare(a applicant.Applicant) (float64, error) {
	portrait, err := face.Decode(a.Document.Portrait)
	if err != nil {
		return 0, fmt.Errorf("read the portrait: %w", err)
	}
	selfie, err := face.Decode(a.Selfie)
	if err != nil {
		return 0, fmt.Errorf("read the selfie: %w", err)
	}
	return m.detector.Quick(portrait, selfie)
}

func (m matching) forget(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM comparisons WHERE key = ?`, u.Of)
	return err
}
