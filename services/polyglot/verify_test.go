package polyglot_test

import (
	"path/filepath"
	"testing"

	"github.com/unwind-saga/unwind/services/unwind/verify"
	"github.com/unwind-saga/unwind/services/unwind/verify/verifytest"
)

// Whoever joins in another language keeps the same protocol.
func TestAgentsKeepTheProtocol(t *testing.T) {
	install(t)
	unwind := tool(t)
	for _, name := range []string{"document-validation", "risk-scoring"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verifytest.Keeps(t, filepath.Join(name, "agent.yaml"), verify.Config{Unwind: unwind})
		})
	}
}
