package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
)

// Who has nothing but a NATS client finishes a step that waits: the README's
// `nats pub`, without a header.
func TestPlainPublishAnswers(t *testing.T) {
	log := brokertest.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	running := make(chan error, 1)
	scan := config.Config{Agent: "scan", Saga: "kyc", Final: true, CompensationHandler: config.NoCompensation}
	listening, stop := context.WithCancel(ctx)
	go func() {
		running <- agent.Run(listening, log, scan, agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) {
			return agent.Result{Pending: &agent.Pending{For: "the scanner", Person: true}}, nil
		}})
	}()
	require.NoError(t, log.Ensure(ctx, "kyc"))
	_, err := client.Submit(ctx, log, "kyc", "order-1", []byte(`{}`), "test")
	require.NoError(t, err)
	s, err := client.Wait(ctx, log, "kyc", "order-1") // at rest: a person is to answer
	require.NoError(t, err)
	require.Equal(t, saga.Waiting, s.Status())

	require.NoError(t, log.Conn().Publish("saga.kyc.scan.answered-1.order-1", []byte(`{"outcome": "completed", "data": {"pages": 2}}`)))
	s, err = client.Wait(ctx, log, "kyc", "order-1")
	for err == nil && !s.Ended() { // the answer may be on its way
		s, err = client.Wait(ctx, log, "kyc", "order-1")
	}
	require.NoError(t, err)
	require.Equal(t, saga.Completed, s.Status())
	require.JSONEq(t, `{"pages": 2}`, string(s.Step("scan").Done.Result))
	stop()
	require.NoError(t, <-running)
}
