package lint

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/config"
)

// MaxHistory is how many events a saga may have: a history is read at once,
// and the broker answers with no more than 1,024.
const MaxHistory = 1000

// checkDeadlines: all know the same deadline, and it leaves time for every
// retry and hand-over that is configured.
func (w *workflow) checkDeadlines() {
	agentsOf := map[time.Duration][]config.Config{}
	var deadlines []time.Duration
	for _, a := range w.agents {
		if agentsOf[a.Deadline] == nil {
			deadlines = append(deadlines, a.Deadline)
		}
		agentsOf[a.Deadline] = append(agentsOf[a.Deadline], a)
	}
	slices.Sort(deadlines)
	if len(deadlines) > 1 {
		var parts []string
		for _, d := range deadlines {
			parts = append(parts, fmt.Sprintf("%s at %s", short(d), agentNames(agentsOf[d])))
		}
		w.tell(DeadlinesDiffer, agentsOf[deadlines[0]][0].At("deadline"), "give all agents of a type the same deadline",
			"nobody could say when saga %s turns back: its deadline is %s", w.typ, strings.Join(parts, ", "))
	}

	if slices.ContainsFunc(w.steps, func(step string) bool { return w.path(step, step) != nil }) {
		return // no way has an end
	}
	var longest way
	for _, step := range w.steps {
		if way := w.longestWay(step); way.time > longest.time {
			longest = way
		}
	}
	if len(longest.steps) == 0 || longest.time <= deadlines[0] {
		return
	}
	var parts []string
	for _, step := range longest.steps {
		var tries []string
		for _, a := range w.chain(step) {
			tries = append(tries, attempts(a))
		}
		parts = append(parts, step+" "+strings.Join(tries, " + "))
	}
	w.tell(ShortDeadline, w.primary[longest.steps[0]].At("deadline"), "raise the deadline, or lower a timeout, max_retries or max_delay",
		"saga %s may turn back at its deadline of %s while it is still being tried: %s, together %s",
		w.typ, short(deadlines[0]), strings.Join(parts, "; "), short(longest.time))
}

// A way is a line of steps, each following the one before.
type way struct {
	steps []string
	time  time.Duration // in the worst case, without takeovers
}

// longestWay is the one that takes the longest until a step is done.
func (w *workflow) longestWay(step string) way {
	known := map[string]way{}
	var visit func(step string) way
	visit = func(step string) way {
		if way, ok := known[step]; ok {
			return way
		}
		var longest way
		for _, before := range w.primary[step].After {
			if _, ok := w.primary[before]; !ok {
				continue
			}
			if way := visit(before); longest.steps == nil || way.time > longest.time {
				longest = way
			}
		}
		known[step] = way{append(slices.Clone(longest.steps), step), add(longest.time, w.worst(step))}
		return known[step]
	}
	return visit(step)
}

// worst is how long a step takes when every attempt of every agent in its
// chain uses up its time.
func (w *workflow) worst(step string) (total time.Duration) {
	for _, a := range w.chain(step) {
		for range 1 + a.RetryPolicy.MaxRetries {
			total = add(total, a.Timeout)
		}
		total = add(total, waits(a.RetryPolicy))
	}
	return total
}

// waits is the sum of the longest waits between the attempts of an agent.
func waits(p config.RetryPolicy) (total time.Duration) {
	for n := range p.MaxRetries {
		total = add(total, p.Wait(n, 0))
	}
	return total
}

// attempts prints what an agent's attempts add up to.
func attempts(a config.Config) string {
	text := fmt.Sprintf("%d × %s", 1+a.RetryPolicy.MaxRetries, short(a.Timeout))
	if wait := waits(a.RetryPolicy); wait > 0 {
		text += " + " + short(wait) + " of waits"
	}
	return text
}

// checkHistory: what can happen in the worst case can still be read.
func (w *workflow) checkHistory() {
	const whole = 3 // the task, the latch, the end
	// Any agent may be throttled: what does not count as a try is written all the same.
	total := whole + saga.Patience
	type share struct {
		step   string
		events int
	}
	var shares []share
	for _, step := range w.steps {
		n := w.eventsOf(step)
		total += n
		shares = append(shares, share{step, n})
	}
	if total <= MaxHistory {
		return
	}
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(b.events, a.events) })
	var parts []string
	for i, s := range shares {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("and %d more steps", len(shares)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s up to %d", s.step, s.events))
	}
	w.tell(LongHistory, w.primary[shares[0].step].At("retry_policy"), "lower max_retries, max_takeovers or the number of stand-ins",
		"a saga %s could have %d events, but no more than %d can be read, and then nobody could go on or back: %s, and up to %d while it is throttled",
		w.typ, total, MaxHistory, strings.Join(parts, ", "), saga.Patience)
}

// eventsOf counts the events of a step in the worst case: of each agent in its
// chain every attempt is claimed, pending and failed, every takeover claimed,
// one more attempt may be throttled by an agent that has not read how long the
// history is, and every try at undoing fails but one; and the step is done in
// the end. After the pivot a step is tried almost without end. What people add
// (answers, redo) is not counted.
func (w *workflow) eventsOf(step string) int {
	const claimed, pending, failed, handedOver, ordered, undone, done = 1, 1, 1, 1, 1, 1, 1
	chain := w.chain(step)
	total := done + (len(chain)-1)*handedOver
	if w.committed(step) {
		total += saga.Endless * (claimed + failed)
	}
	for _, a := range chain {
		total += (1 + a.RetryPolicy.MaxRetries) * (claimed + pending + failed)
		total += a.MaxTakeovers * claimed
		total += claimed + failed
		total += ordered + (1+a.CompensationRetryPolicy.MaxRetries)*failed + undone
	}
	return total
}

// add stops at the longest duration there is.
func add(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// short prints a duration without the zeros of its smaller units: 10m, 24h.
func short(d time.Duration) string {
	s := d.Round(time.Millisecond).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
