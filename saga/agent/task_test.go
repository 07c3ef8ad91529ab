package agent_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/agent"
)

func TestTaskDecode(t *testing.T) {
	task := agent.Task{Type: "trip", ID: "42", Step: "card", Payload: json.RawMessage(`{"seat": "12A"}`)}
	var v struct{ Seat string }
	require.NoError(t, task.Decode(&v))
	assert.Equal(t, "12A", v.Seat)
	var n int
	assert.ErrorContains(t, task.Decode(&n), "decode task of saga trip/42: json: ")
	task.Payload = nil
	assert.ErrorContains(t, task.Decode(&v), "decode task of saga trip/42: unexpected end of JSON input")
}

func TestTaskResult(t *testing.T) {
	task := agent.Task{Type: "trip", ID: "42", Step: "card", Results: map[string]json.RawMessage{"seat": json.RawMessage(`"12A"`), "mail": nil}}
	var s string
	require.NoError(t, task.Result("seat", &s))
	assert.Equal(t, "12A", s)
	var n int
	assert.ErrorContains(t, task.Result("seat", &n), `decode result of step "seat" of saga trip/42: json: `)
	assert.EqualError(t, task.Result("bus", &s), `result of step "bus": saga trip/42 has none before step "card"`)
	assert.ErrorContains(t, task.Result("mail", &s), `decode result of step "mail" of saga trip/42: unexpected end of JSON input`)
}

func TestUndoDecode(t *testing.T) {
	undo := agent.Undo{Type: "trip", ID: "42", Step: "card", Token: json.RawMessage(`"ch_1"`)}
	var s string
	ok, err := undo.Decode(&s)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, "ch_1", s)

	var n int
	ok, err = undo.Decode(&n)
	assert.False(t, ok)
	assert.ErrorContains(t, err, `decode undo token of step "card" of saga trip/42: json: `)

	undo.Token = nil
	ok, err = undo.Decode(&s)
	require.NoError(t, err)
	assert.False(t, ok, "there is no token where the outcome was unknown")
}
