package kyc_test

import (
	"path/filepath"
	"testing"

	"github.com/unwind-saga/unwind/services/unwind/verify"
	"github.com/unwind-saga/unwind/services/unwind/verify/verifytest"
)

// An agent at the beginning, one that joins and one at the end keep the protocol.
func TestAgentsKeepTheProtocol(t *testing.T) {
	for _, name := range []string{"id-extraction", "risk-scoring", "notification"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifytest.Keeps(t, filepath.Join(name, "agent.yaml"), verify.Config{})
		})
	}
}
