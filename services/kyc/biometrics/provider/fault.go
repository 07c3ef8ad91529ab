package provider

import (
	"fmt"
	"slices"
	"sync"
)

// Mode is a way to fail. Those that answer badly have done the work before,
// which is what makes them hard; with Before they have not.
type Mode string

// The ways to fail, and not to.
const (
	Sound    Mode = "none"
	Down     Mode = "down"     // 503, nothing is done
	Throttle Mode = "throttle" // 429, nothing is done
	Hang     Mode = "hang"     // no answer until the client goes
	Garbage  Mode = "garbage"  // 200 and a page of HTML
	Cut      Mode = "cut"      // the connection is cut in the middle of the answer
)

// Modes are all of them.
var Modes = []Mode{Sound, Down, Throttle, Hang, Garbage, Cut}

// Fault is what is to fail, and how often.
type Fault struct {
	Mode       Mode `json:"mode"`
	RetryAfter int  `json:"retry_after,omitempty"` // seconds, with down and throttle; 0: not said
	Count      int  `json:"count,omitempty"`       // how many times; 0: until told otherwise
	Before     bool `json:"before,omitempty"`      // hang, garbage, cut: fail before the work is done
}

func (f Fault) check() error {
	if !slices.Contains(Modes, f.Mode) {
		return fmt.Errorf("set fault: no mode %q: the modes are %v", f.Mode, Modes)
	}
	if f.Count < 0 || f.RetryAfter < 0 {
		return fmt.Errorf("set fault %s: count %d, retry after %d", f.Mode, f.Count, f.RetryAfter)
	}
	return nil
}

type faults struct {
	mu  sync.Mutex
	set Fault
}

func (f *faults) put(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = fault
}

func (f *faults) get() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set.Mode == "" {
		return Fault{Mode: Sound}
	}
	return f.set
}

// strike is get for a call that now fails so.
func (f *faults) strike() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.set
	if f.set.Count > 0 {
		if f.set.Count--; f.set.Count == 0 {
			f.set = Fault{Mode: Sound}
		}
	}
	return now
}
