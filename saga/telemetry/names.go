package telemetry

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/unwind-saga/unwind/saga/agent"
)

// scope is the name of the tracer and the meter.
const scope = "github.com/unwind-saga/unwind/saga/telemetry"

// What is ours among the attributes of spans and metrics. The conventions have no
// words for these.
const (
	SagaType  = attribute.Key("unwind.saga.type")
	SagaID    = attribute.Key("unwind.saga.id") // of spans only
	Step      = attribute.Key("unwind.step")
	Agent     = attribute.Key("unwind.agent")
	Instance  = attribute.Key("unwind.instance") // of spans only; metrics have the resource's
	Direction = attribute.Key("unwind.direction")
	Purpose   = attribute.Key("unwind.purpose") // of the consumer
	Attempt   = attribute.Key("unwind.attempt")
	Cause     = attribute.Key("unwind.cause")
	Class     = attribute.Key("unwind.error.class")
	Outcome   = attribute.Key("unwind.outcome")
	Reason    = attribute.Key("unwind.reason")
	Next      = attribute.Key("unwind.next") // agent
	Due       = attribute.Key("unwind.due")
	Settled   = attribute.Key("unwind.settled")
	Refused   = attribute.Key("unwind.refused")
	State     = attribute.Key("unwind.state")
	Call      = attribute.Key("unwind.call") // perform or compensate

	Sequence    = attribute.Key("unwind.sequence")
	Redelivered = attribute.Key("unwind.redelivered")
)

// Directions of a saga.
const (
	Forward = "forward"
	Back    = "back"
)

func place(who agent.Who) []attribute.KeyValue {
	return []attribute.KeyValue{SagaType.String(who.Type), Step.String(who.Step), Agent.String(who.Agent)}
}
