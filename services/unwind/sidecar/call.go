package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// What is asked of a program.
const (
	perform    = "perform"
	compensate = "compensate"
)

// A call is what a program is asked.
type call struct {
	Call     string `json:"call"`
	Type     string `json:"type"`
	ID       string `json:"id"` // of the saga
	Step     string `json:"step"`
	Agent    string `json:"agent"`
	Attempt  int    `json:"attempt"`
	Key      string `json:"key"`
	TimeLeft string `json:"time_left"` // seconds
	Deadline string `json:"deadline,omitempty"`
	Parent   string `json:"traceparent,omitempty"`
	State    string `json:"tracestate,omitempty"`
}

// A task is the data of a call to perform a step.
type task struct {
	Task    json.RawMessage            `json:"task"`
	Results map[string]json.RawMessage `json:"results"`
}

// An order is the data of a call to undo one.
type order struct {
	Reason  events.Reason   `json:"reason"`
	Attempt int             `json:"attempt"`
	Of      string          `json:"of"`
	Undo    json.RawMessage `json:"undo,omitempty"`
}

// toPerform makes the call of a task, and its data. Results that were too large to
// come along are loaded: the program could not.
func toPerform(ctx context.Context, t agent.Task) (call, task, error) {
	c := call{Call: perform, Type: t.Type, ID: t.ID, Step: t.Step, Agent: t.Agent, Attempt: t.Attempt, Key: t.Key}
	if !t.Deadline.IsZero() {
		c.Deadline = t.Deadline.UTC().Format(time.RFC3339Nano)
	}
	data := task{Task: t.Payload, Results: map[string]json.RawMessage{}}
	for step, result := range t.Results {
		if result == nil {
			result = json.RawMessage("null") // it completed without a word
		}
		data.Results[step] = result
	}
	for step := range t.Refs {
		var result json.RawMessage
		if err := t.Result(step, &result); err != nil {
			return c, data, err
		}
		data.Results[step] = result
	}
	return c.in(ctx), data, nil
}

func toUndo(ctx context.Context, u agent.Undo) (call, order) {
	c := call{Call: compensate, Type: u.Type, ID: u.ID, Step: u.Step, Agent: u.Agent, Attempt: u.Attempt, Key: u.Key}
	return c.in(ctx), order{Reason: u.Reason, Attempt: u.Attempt, Of: u.Of, Undo: u.Token}
}

// in adds what the context says: the time that is left, and the trace.
func (c call) in(ctx context.Context) call {
	if end, ok := ctx.Deadline(); ok {
		c.TimeLeft = fmt.Sprintf("%.3f", max(0, time.Until(end).Seconds()))
	}
	trace := traceOf(ctx)
	c.Parent, c.State = trace.Parent, trace.State
	return c
}

// whole is the call and its data as one JSON object.
func (c call) whole(data any) ([]byte, error) {
	head, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}
