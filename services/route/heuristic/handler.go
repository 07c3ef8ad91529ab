package main

import (
	"context"
	"errors"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/route/estimate"
	"github.com/unwind-saga/unwind/services/route/trip"
)

type rule struct {
	Areas []estimate.Area `yaml:"areas"`
}

func open(o route.Office) (agent.Handler, error) {
	var r rule
	if err := o.Config.Settings(&r); err != nil {
		return agent.Handler{}, err
	}
	if len(r.Areas) == 0 {
		return agent.Handler{}, errors.New("there is no area that it may speak of")
	}
	for _, a := range r.Areas {
		if err := a.Check(); err != nil {
			return agent.Handler{}, err
		}
	}
	return agent.Handler{Perform: r.estimate}, nil
}

func (r rule) estimate(_ context.Context, t agent.Task) (agent.Result, error) {
	o, err := trip.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_order", "%w", err)
	}
	d, err := estimate.Of(o, t.Agent, r.Areas)
	if errors.Is(err, estimate.ErrElsewhere) {
		return agent.Result{}, agent.Unavailable("elsewhere", err)
	}
	return agent.Result{Data: d}, err
}
