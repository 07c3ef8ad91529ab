package inbox

import (
	"fmt"
	"sync"
)

// Mode is a way to fail.
type Mode string

// The ways to fail, and not to.
const (
	Sound  Mode = "none"
	Busy   Mode = "busy"   // 421 to the greeting
	Refuse Mode = "refuse" // 550 to the recipient
	Defer  Mode = "defer"  // 451 to the recipient
	Spam   Mode = "spam"   // 554 to the content
	Full   Mode = "full"   // 452 to the content
	Cut    Mode = "cut"    // the message is kept; the connection is cut instead of an answer
	Lose   Mode = "lose"   // the message is lost; the connection is cut instead of an answer
	Hang   Mode = "hang"   // the message is kept; there is no answer until the client goes
	Down   Mode = "down"   // the connection is cut before the greeting
)

var modes = map[Mode]bool{Sound: true, Busy: true, Refuse: true, Defer: true, Spam: true, Full: true, Cut: true, Lose: true, Hang: true, Down: true}

// Fault is what is to fail, and how often.
type Fault struct {
	Mode  Mode `json:"mode"`
	Count int  `json:"count,omitempty"` // how many times; 0: until told otherwise
}

type faults struct {
	mu  sync.Mutex
	set Fault
}

func (f *faults) put(fault Fault) error {
	if fault.Mode == "" {
		fault.Mode = Sound
	}
	if !modes[fault.Mode] || fault.Count < 0 {
		return fmt.Errorf("set fault: no mode %q with count %d", fault.Mode, fault.Count)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = fault
	return nil
}

func (f *faults) get() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set.Mode == "" {
		return Fault{Mode: Sound}
	}
	return f.set
}

// strike says which of the modes strikes now, and counts it.
func (f *faults) strike(among ...Mode) Mode {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range among {
		if f.set.Mode != m {
			continue
		}
		if f.set.Count > 0 {
			if f.set.Count--; f.set.Count == 0 {
				f.set = Fault{Mode: Sound}
			}
		}
		return m
	}
	return Sound
}
