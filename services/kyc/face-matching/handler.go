package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent"
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
	return agent.Handler{
		Perform:       m.match,
		Compensations: agent.Compensations{"forget-template": m.forget},
	}, nil
}

// match has the two pictures compared. The provider keeps a template, under
// the key of the step, until it is told to forget it.
func (m matching) match(ctx context.Context, t agent.Task) (agent.Result, error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_applicant", "%w", err)
	}
	out := m.outside()
	out.Do = func(ctx context.Context) ([]byte, error) {
		c, err := m.provider.Compare(ctx, t.Key, a.Document.Portrait, a.Selfie)
		if err != nil {
			return nil, kyc.Failure(err)
		}
		if !c.Match {
			return nil, m.refuse(ctx, c)
		}
		return json.Marshal(c)
	}
	data, err := m.Perform(ctx, t.Key, out)
	if err != nil {
		return agent.Result{}, err
	}
	var c biometrics.Comparison
	if err := json.Unmarshal(data, &c); err != nil {
		return agent.Result{}, fmt.Errorf("read what was remembered of comparison %q: %w", t.Key, err)
	}
	return agent.Result{Data: kyc.Likeness{By: t.Agent, Face: risk.Face{Similarity: c.Similarity, Threshold: face.Match}}}, nil
}

// refuse refuses the applicant, and leaves no template of theirs behind.
func (m matching) refuse(ctx context.Context, c biometrics.Comparison) error {
	if _, err := m.provider.Forget(ctx, c.ID); err != nil {
		return agent.Unknown(fmt.Errorf("forget a face that does not match: %w", err))
	}
	return agent.Refuse("no_match", "the selfie shows somebody else: similarity %.2f", c.Similarity)
}

func (m matching) forget(ctx context.Context, u agent.Undo) error {
	return m.Compensate(ctx, u.Of, m.outside())
}

// outside says how a template is forgotten: by its id, or by the key where the
// answer that had the id was lost.
func (m matching) outside() kyc.Outside {
	return kyc.Outside{Undo: func(ctx context.Context, key string, result []byte) (bool, error) {
		var c biometrics.Comparison
		if len(result) == 0 || json.Unmarshal(result, &c) != nil {
			return m.provider.ForgetKey(ctx, key)
		}
		return m.provider.Forget(ctx, c.ID)
	}}
}
