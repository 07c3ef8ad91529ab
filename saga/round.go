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

// RoundOf is the round of its agent to which an attempt belongs.
func (st *Step) RoundOf(attempt int) int {
	until := Step{Attempts: st.Attempts[:attempt]}
	return until.Round(st.Attempts[attempt-1].Claim.Agent)
}

// rounds counts them, and says where the last one begins in Attempts, and who
// handed the step to the agent and gets it back if it can't; nobody did in the
// first. A step that comes back so was not handed over: whoever gave it away and
// can't either does not give it to the same agent again, which would go on for
// ever.
func (st *Step) rounds(agent string) (round, begin int, from string) {
	round = 1
	if st == nil {
		return round, 0, ""
	}
	froms := map[string]string{}
	before := ""
	for i, a := range st.Attempts {
		if a.void {
			continue
		}
		me := a.Claim.Agent
		if a.Claim.Cause == events.CauseRetry && before != me {
			if me == agent {
				round, begin = round+1, i
			}
			if froms[before] == me {
				delete(froms, before)
			} else {
				froms[me] = before
			}
		}
		before = me
	}
	return round, begin, froms[agent]
}

// RoundKey is the key of an agent's work in one of its rounds.
func RoundKey(key string, round int) string {
	if round < 2 {
		return key
	}
	return key + "/" + strconv.Itoa(round)
}
