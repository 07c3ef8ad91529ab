package operator

import (
	"context"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/host"
)

// Main is the program of an operator that lives in a folder of its own, beside
// the agents of its saga: package main is one line. It has the flags and the
// environment of every agent (see [host.Main]).
func Main() {
	host.Program(func(_ context.Context, file string) (host.Agents, error) {
		o, err := Load(file)
		if err != nil {
			return host.Agents{}, err
		}
		return host.Agents{
			Name: o.Config.Agent, Types: []string{o.Config.Saga},
			Run: func(ctx context.Context, log *broker.Log, options agent.Options) error {
				return Run(ctx, log, options, o)
			},
		}, nil
	})
}
