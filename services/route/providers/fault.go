package providers

import (
	"fmt"
	"sync"
)

// Mode is a way to fail.
type Mode string

// The ways to fail, and not to.
const (
	Sound     Mode = "none"
	Expired   Mode = "expired"   // the key is not good any more; OSRM has none, and what stands before it answers 403
	Throttle  Mode = "throttle"  // too many questions: 429 with Retry-After; without one Google's OVER_QUERY_LIMIT
	Down      Mode = "down"      // 500
	Hang      Mode = "hang"      // no answer until the client goes
	Cut       Mode = "cut"       // the connection is cut in the middle of the answer
	Truncated Mode = "truncated" // half an answer, as if it were all
	Wrong     Mode = "wrong"     // JSON with the wrong types in it
	Hollow    Mode = "hollow"    // JSON with nothing in it
	Absurd    Mode = "absurd"    // a hundredth of the distance
	Elsewhere Mode = "elsewhere" // a route between two other places
	Page      Mode = "page"      // 200 and a page of HTML
	Lost      Mode = "lost"      // there is no route, it says
)

// Modes are all of them.
var Modes = []Mode{Sound, Expired, Throttle, Down, Hang, Cut, Truncated, Wrong, Hollow, Absurd, Elsewhere, Page, Lost}

// Fault is what is to fail, and how often.
type Fault struct {
	Mode       Mode `json:"mode"`
	RetryAfter int  `json:"retry_after,omitempty"` // seconds, with throttle; 0: not said
	Count      int  `json:"count,omitempty"`       // how many times; 0: until told otherwise
}

func (f Fault) check() error {
	for _, m := range Modes {
		if f.Mode == m && f.Count >= 0 && f.RetryAfter >= 0 {
			return nil
		}
	}
	return fmt.Errorf("set fault: mode %q, count %d, retry after %d: the modes are %v", f.Mode, f.Count, f.RetryAfter, Modes)
}

type faults struct {
	mu     sync.Mutex
	set    Fault
	calls  int
	failed int
}

func (f *faults) put(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = fault
}

func (f *faults) get() (set Fault, calls, failed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set, f.calls, f.failed
}

// strike is the fault of a call that is now made.
func (f *faults) strike() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	now := f.set
	if now.Mode == Sound {
		return now
	}
	f.failed++
	if f.set.Count > 0 {
		if f.set.Count--; f.set.Count == 0 {
			f.set = Fault{Mode: Sound}
		}
	}
	return now
}
