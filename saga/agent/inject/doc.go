// Package inject makes agents fail on purpose: it decides which fault a call of
// an agent's function meets. Package agent asks it before each call and does
// what it says, so any Go agent can be drilled without a change:
//
//	UNWIND_FAULTS=faults.yaml UNWIND_SEED=7 bin/face-matching --config agent.yaml
//
// A profile gives, for each agent and for "*", which stands for all that say
// nothing of a kind themselves, the chance of each kind of fault (see [Kinds]):
//
//	# faults.yaml
//	seed: 1
//	agents:
//	  "*":
//	    forward:
//	      transient:  {chance: 0.02}             # a plain error, nothing happened
//	      busy:       {chance: 0.01, wait: 1s}   # 429, with Retry-After
//	      lost_after: {chance: 0.01}             # it happened, and the answer was lost
//	      kill_after: {chance: 0.001}            # the process dies, by SIGKILL
//	      pause:      {chance: 0.001, wait: 40s} # it stands still, longer than its lease
//	    back:
//	      fail:       {chance: 0.02, calls: 3}   # undoing fails three times
//	outages:                                     # faults cluster
//	  - {agents: [face-matching], chance: 0.05, sagas: 10, kind: down}
//
// # Always the same
//
// What a call meets is a pure function of the seed, the saga's id, the step, the
// agent, and which call of that agent this is for this saga. That number is read
// from the saga's history (package agent does), so it survives the process, and
// a drill that is run again, or with fewer layers of recovery, meets the same
// faults. What a killed process had in hand of other sagas is beyond that: they
// lose a call, too, and which they are depends on the moment.
//
// A fault with calls lasts: it is met by that many calls in a row. An outage is
// met by a block of sagas, whose ids end in neighbouring numbers.
//
// # What it is not
//
// It is no proxy and no chaos of networks: it stands where the agent's author
// begins. And it is nothing for production; agents that run with it say so.
package inject
