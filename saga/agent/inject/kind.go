package inject

import "slices"

// A Kind of fault.
type Kind string

// The kinds that a step meets. From hang on, nobody who looks from
// outside can tell what they left.
const (
	Transient   Kind = "transient"   // a plain error
	Unavailable Kind = "unavailable" // an expired key: this agent can't
	Refused     Kind = "refused"     // the task is not acceptable
	Busy        Kind = "busy"        // 429, with Retry-After
	Down        Kind = "down"        // 503, with Retry-After
	Hang        Kind = "hang"        // nothing happens until the timeout
	Late        Kind = "late"        // nothing happens until the timeout, and it happens after all
	Pause       Kind = "pause"       // the process stands still, longer than its lease, and then it happens
	Garbage     Kind = "garbage"     // it happened, and the result is no result
	LostBefore  Kind = "lost_before" // the connection is cut, and nothing happened
	LostAfter   Kind = "lost_after"  // it happened, and the answer is lost
	KillBefore  Kind = "kill_before" // the process dies, and nothing happened
	KillDuring  Kind = "kill_during" // the process dies while it happens
	KillAfter   Kind = "kill_after"  // it happened, and the process dies
)

// Fail is the kind that only undoing meets, beside hang, late, pause,
// lost_after and the kills: an error, which has no class there.
const Fail Kind = "fail"

var (
	forward = []Kind{
		Transient, Unavailable, Refused, Busy, Down,
		Hang, Late, Pause, Garbage, LostBefore, LostAfter, KillBefore, KillDuring, KillAfter,
	}
	back = []Kind{Fail, Hang, Late, Pause, LostAfter, KillBefore, KillDuring, KillAfter}
)

// Kinds lists the kinds that a step, or its undoing, may meet.
func Kinds(undoing bool) []Kind {
	if undoing {
		return slices.Clone(back)
	}
	return slices.Clone(forward)
}

// Kills reports whether the process does not survive it.
func (k Kind) Kills() bool { return k == KillBefore || k == KillDuring || k == KillAfter }

// waits reports whether a fault of this kind says how long: until the next try, or
// how long the process stands still.
func (k Kind) waits() bool { return k == Busy || k == Down || k == Pause }
