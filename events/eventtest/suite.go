package eventtest

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/unwind-saga/unwind/events"
)

// A RawPublisher is a log through which a test can put a message on the wire
// as a stranger would: any subject, any headers, any body, no guard. The rules
// about what strangers send are checked on a log that is one, and fail on a
// log that says so and can't; they are left out where the log is none.
//
// PublishRaw returns when the message is stored.
type RawPublisher interface {
	PublishRaw(ctx context.Context, subject string, h events.Header, body []byte) error
}

// A rule is one promise of [events.Log], named so that it reads as a sentence.
type rule struct {
	name  string
	check func(*bench)
	raw   bool // needs a RawPublisher
	spoil bool // needs a Spoiler
}

var rules = [][]rule{appendRules, readRules, consumeRules, timerRules, strangerRules, shelfRules, directoryRules, scannerRules}

// Suite checks that a log keeps every promise of [events.Log], in real time
// (some ten seconds on two processors: the rules run in parallel). Open gives
// the log for one rule, and cleans up with t.Cleanup. It may give the same log
// each time: every rule works on saga types of its own, so the suite also runs
// on a cluster that others use.
func Suite(t *testing.T, open func(t *testing.T) events.Log) {
	each(t, func(t *testing.T, check func(*testing.T)) {
		t.Parallel()
		check(t)
	}, open)
}

// SuiteInBubbles is [Suite] in virtual time: each rule runs in a synctest
// bubble of its own, and so does open, which must make a new log each time.
func SuiteInBubbles(t *testing.T, open func(t *testing.T) events.Log) {
	each(t, synctest.Test, open)
}

func each(t *testing.T, run func(t *testing.T, check func(*testing.T)), open func(*testing.T) events.Log) {
	for _, chapter := range rules {
		for _, r := range chapter {
			t.Run(r.name, func(t *testing.T) {
				run(t, func(t *testing.T) {
					b := newBench(t, open(t))
					if _, ok := b.log.(RawPublisher); r.raw && !ok {
						t.Logf("left out: %T is no RawPublisher", b.log)
						return
					}
					if _, ok := b.log.(Spoiler); r.spoil && !ok {
						t.Logf("left out: %T is no Spoiler", b.log)
						return
					}
					r.check(b)
				})
			})
		}
	}
}
