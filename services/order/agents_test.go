package order_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
)

// agents reads the files of the family, as they are without any variable.
func agents(t *testing.T) map[string]config.Config {
	t.Helper()
	files, err := filepath.Glob("*/*agent.yaml")
	require.NoError(t, err)
	all := map[string]config.Config{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		cfg, err := config.Parse(file, text, nil)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(cfg.Agent, filepath.Base(filepath.Dir(file))), "agent %s is in the folder of its program", cfg.Agent)
		all[cfg.Agent] = cfg
	}
	return all
}

// The files fit together: what would go wrong in a saga is found here.
func TestAgentsFitTogether(t *testing.T) {
	var list []config.Config
	for _, cfg := range agents(t) {
		list = append(list, cfg)
	}
	require.Len(t, list, 6)
	for _, f := range lint.Check(list) {
		assert.Equal(t, lint.Note, f.Severity, f.String())
		t.Log(f)
	}
}

// The graph is the one that the package comment and the README show.
func TestGraph(t *testing.T) {
	all := agents(t)
	for name, after := range map[string][]string{
		"quote":              nil,
		"stock":              {"quote"},
		"stock-second":       nil,
		"payment":            {"stock"},
		"confirmation":       {"payment"},
		"confirmation-relay": nil,
	} {
		cfg := all[name]
		assert.Equal(t, after, cfg.After, name)
		assert.Equal(t, cfg.Step == "confirmation", cfg.Final, name)
		assert.Equal(t, name == "quote", cfg.TaskSchema != nil, "%s checks the task", name)
		assert.Equal(t, cfg.Agent != cfg.Step, cfg.StandIn, name)
	}
	assert.Equal(t, []string{"stock-second"}, all["stock"].FallbackAgents)
	assert.Equal(t, []string{"confirmation-relay"}, all["confirmation"].FallbackAgents)
}
