package route_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/verify"
)

// The agent whose outcome comes from a person keeps the protocol, as `unwind agent
// verify` finds out.
func TestAgentsKeepTheProtocol(t *testing.T) {
	for _, name := range []string{"operator"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			s, err := verify.Load(filepath.Join(name, "agent.yaml"), "")
			require.NoError(t, err)
			report, err := verify.Run(ctx, s, verify.Config{Tell: func(r verify.Result) {
				assert.NotEqual(t, verify.Failed, r.Status, strings.Join(r.Lines(ink.Ink{}), "\n"))
			}})
			require.NoError(t, err)
			assert.Greater(t, report.Passed, 25, "%+v", report.Results)
		})
	}
}
