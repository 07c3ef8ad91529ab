package main

import (
	"context"
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/biometrics"
	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/risk"
)

type settings struct {
	Provider string `yaml:"provider"`
}

type matching struct {
	kyc.Office
	provider *biometrics.Client
}

func open(o kyc.Office) (agent.Handler, error) {
	var s settings
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	provider, err := biometrics.New(s.Provider, biometrics.Config{})
	if err != nil {
		return agent.Handler{}, err
	}
	m := matching{o, provider}
	outside := barrier.Outside{Perform: m.match, Undo: m.forget}
	return agent.Handler{
		Perform:       o.Store.PerformOutside(outside),
		Compensations: agent.Compensations{"forget-template": o.Store.CompensateOutside(outside)},
	}, nil
}

// match has the two pictures compared. The provider keeps a template, under
// the key of the step, until it is told to forget it.
func (m matching) match(ctx context.Context, t agent.Task) (agent.Result, error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_applicant", "%w", err)
	}
	c, err := m.provider.Compare(ctx, t.Key, a.Document.Portrait, a.Selfie)
	if err != nil {
		return agent.Result{}, kyc.Failure(err)
	}
	if !c.Match {
		return agent.Result{}, m.refuse(ctx, c)
	}
	return agent.Result{
		Data: kyc.Likeness{By: t.Agent, Face: risk.Face{Similarity: c.Similarity, Threshold: face.Match}},
		Undo: c.ID,
	}, nil
}

// refuse refuses the applicant, and leaves no template of theirs behind.
func (m matching) refuse(ctx context.Context, c biometrics.Comparison) error {
	if _, err := m.provider.Forget(ctx, c.ID); err != nil {
		return agent.Unknown(fmt.Errorf("forget a face that does not match: %w", err))
	}
	return agent.Refuse("no_match", "the selfie shows somebody else: similarity %.2f", c.Similarity)
}

// forget has the template forgotten: by its id, or by the key where the answer
// that had the id was lost.
func (m matching) forget(ctx context.Context, u agent.Undo) error {
	var id string
	known, err := u.Decode(&id)
	if err != nil {
		return err
	}
	forget, name := m.provider.ForgetKey, u.Of
	if known {
		forget, name = m.provider.Forget, id
	}
	found, err := forget(ctx, name)
	if err == nil && !found {
		return agent.ErrNothingFound
	}
	return err
}
