package saga

import (
	"strconv"

	"github.com/unwind-saga/unwind/events"
)

// A step may come back to an agent that gave it up, when whoever had it
// afterwards (a person, mostly) hands it back. That begins another round of the
// agent at the step, with a key of its own: what the agent did in the round
// before was undone when it handed the step on, and a key once undone stays
// dead.

// Round counts an agent's rounds at the step, from 1.
func (st *Step) Round(agent string) int {
	round, _, _ := st.rounds(agent)
	return round
}

// rounds counts them, and says where the last one begins in Attempts, and who
// handed the step back; nobody did in the first.
func (st *Step) rounds(agent string) (round, begin int, from string) {
	round = 1
	if st == nil {
		return round, 0, ""
	}
	before := ""
	for i, a := range st.Attempts {
		if a.void {
			continue
		}
		if a.Claim.Agent == agent && a.Claim.Cause == events.CauseRetry && before != agent {
			round, begin, from = round+1, i, before
		}
		before = a.Claim.Agent
	}
	return round, begin, from
}

// RoundKey is the key of an agent's work in one of its rounds.
func RoundKey(key string, round int) string {
	if round < 2 {
		return key
	}
	return key + "/" + strconv.Itoa(round)
}
