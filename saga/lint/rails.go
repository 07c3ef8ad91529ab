package lint

import (
	"time"

	"github.com/unwind-saga/unwind/saga/config"
)

// checkRails: what stands around the calls of an agent leaves its sagas the time
// to get through.
func (w *workflow) checkRails() {
	for _, a := range w.agents {
		if l := a.RateLimit; l != nil {
			each := l.Per / time.Duration(max(l.Requests, 1))
			wait := multiply(each, a.Concurrency)
			if wait > a.Deadline {
				w.tell(SlowRail, a.At("rate_limit"), "raise the rate_limit or the deadline, or lower the concurrency",
					"saga %s may turn back at its deadline of %s while it only waits for its turn: agent %s makes a call every %s, and %d may be waiting for one, together %s",
					w.typ, short(a.Deadline), a.Agent, short(each), a.Concurrency, short(wait))
			}
		}
		b := a.CircuitBreaker
		if b == nil || w.handsOn(a) {
			continue
		}
		next := "name fallback_agents"
		if a.StandIn {
			next = "name another agent behind it in the primary's fallback_agents"
		}
		if b.OpenFor >= a.Deadline {
			w.tell(SlowRail, a.At("circuit_breaker.open_for"), "lower open_for, or "+next,
				"saga %s turns back at its deadline of %s whenever it meets the open circuit breaker of agent %s, which stays so for %s: no agent takes step %s over",
				w.typ, short(a.Deadline), a.Agent, short(b.OpenFor), a.Step)
			continue
		}
		w.tell(BreakerAlone, a.At("circuit_breaker"), next+", and the step goes on at once",
			"saga %s waits at step %s while the circuit breaker of agent %s is open, for %s at a time: no agent takes the step over",
			w.typ, a.Step, a.Agent, short(b.OpenFor))
	}
}

// handsOn reports whether another agent follows this one in the chain of its step.
func (w *workflow) handsOn(a config.Config) bool {
	if _, ok := w.primary[a.Step]; !ok {
		return false
	}
	chain := w.chain(a.Step)
	return chain[len(chain)-1].Agent != a.Agent
}

// multiply stops at the longest duration there is.
func multiply(d time.Duration, n int) (total time.Duration) {
	for range n {
		total = add(total, d)
	}
	return total
}
