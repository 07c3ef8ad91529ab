package route_test

import (
	"path/filepath"
	"testing"

	"github.com/unwind-saga/unwind/services/unwind/verify"
	"github.com/unwind-saga/unwind/services/unwind/verify/verifytest"
)

// The agent whose outcome comes from a person keeps the protocol.
func TestAgentsKeepTheProtocol(t *testing.T) {
	for _, name := range []string{"operator"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifytest.Keeps(t, filepath.Join(name, "agent.yaml"), verify.Config{})
		})
	}
}
