package kyc_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
)

// agents reads the files of the family, as they are without any variable.
func agents(t *testing.T) map[string]config.Config {
	t.Helper()
	files, err := filepath.Glob("*/agent.yaml")
	require.NoError(t, err)
	all := map[string]config.Config{}
	for _, file := range files {
		for _, name := range []string{"KYC_LEASE", "KYC_TIMEOUT", "KYC_BASE_DELAY", "KYC_UNDO_RETRIES", "KYC_UNDO_BASE_DELAY", "KYC_UNDO_MAX_DELAY", "FACE_BASE_DELAY", "FACE_PROVIDER", "SMTP_HOST", "SMTP_PORT", "SMTP_SECURITY", "SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_FROM"} {
			t.Setenv(name, "") // the default, as when it is not set
		}
		cfg, err := config.Load(file)
		require.NoError(t, err)
		assert.Equal(t, filepath.Base(filepath.Dir(file)), cfg.Agent, "an agent is named like its folder")
		all[cfg.Agent] = cfg
	}
	return all
}

// The files fit together: what would go wrong in a saga is found here.
func TestAgentsFitTogether(t *testing.T) {
	all := agents(t)
	var list []config.Config
	for _, cfg := range all {
		list = append(list, cfg)
	}
	require.Len(t, list, 6)
	for _, f := range lint.Check(list) {
		assert.Equal(t, lint.Note, f.Severity, f.String())
	}
}

// The graph is the one that the package comment and the README show.
func TestGraph(t *testing.T) {
	all := agents(t)
	for name, after := range map[string][]string{
		"id-extraction":       nil,
		"face-matching":       {"id-extraction"},
		"face-matching-lite":  nil,
		"document-validation": {"id-extraction"},
		"risk-scoring":        {"face-matching", "document-validation"},
		"notification":        {"risk-scoring"},
	} {
		assert.Equal(t, after, all[name].After, name)
		assert.Equal(t, name == "notification", all[name].Final, name)
		assert.Equal(t, name == "id-extraction", all[name].TaskSchema != nil, "%s checks the task", name)
	}
	assert.Equal(t, []string{"face-matching-lite"}, all["face-matching"].FallbackAgents)
	assert.Equal(t, "face-matching", all["face-matching-lite"].Step)
	assert.True(t, all["face-matching-lite"].StandIn)
}
