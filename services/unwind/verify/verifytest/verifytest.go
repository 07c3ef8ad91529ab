// Package verifytest holds agents to the protocol in Go tests.
//
//	func TestAgentKeepsTheProtocol(t *testing.T) { verifytest.Keeps(t, "agent.yaml", verify.Config{}) }
package verifytest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/verify"
)

const (
	patience = 3 * time.Minute // with one agent
	fewest   = 25              // checks that must have been possible
)

// Keeps fails the test where an agent breaks a rule, as `unwind agent verify` finds out:
// a real process, and everybody else played. It also fails when hardly anything could be
// checked.
func Keeps(t *testing.T, file string, c verify.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := verify.Load(file, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Tell = func(r verify.Result) {
		if r.Status == verify.Failed {
			t.Error(strings.Join(r.Lines(ink.Ink{}), "\n"))
		}
	}
	report, err := verify.Run(ctx, s, c)
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed < fewest {
		t.Errorf("only %d checks passed: %+v", report.Passed, report.Results)
	}
}
