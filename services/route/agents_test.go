package route_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
	"github.com/unwind-saga/unwind/services/route/world"
)

// The files fit together, and are the graph that the package comment and the
// README show.
func TestAgentsFitTogether(t *testing.T) {
	for _, name := range []string{"ROUTE_LEASE", "ROUTE_BASE_DELAY", "ROUTE_PATIENCE", "ROUTE_FLEET", "GOOGLE_MAPS_URL", "GOOGLE_MAPS_KEY", "OSRM_URL"} {
		t.Setenv(name, "") // the default, as when it is not set
	}
	files, err := filepath.Glob("*/agent.yaml")
	require.NoError(t, err)
	all := map[string]config.Config{}
	var list []config.Config
	for _, file := range files {
		cfg, err := config.Load(file)
		require.NoError(t, err)
		assert.Equal(t, filepath.Base(filepath.Dir(file)), cfg.Agent, "an agent is named like its folder")
		all[cfg.Agent] = cfg
		list = append(list, cfg)
	}
	require.Len(t, all, 6)
	assert.Empty(t, lint.Check(list))
	assert.Empty(t, all["vehicle"].After)
	assert.NotNil(t, all["vehicle"].TaskSchema)
	assert.Equal(t, []string{"vehicle"}, all["google"].After)
	assert.Equal(t, []string{"directions"}, all["dispatch"].After)
	assert.True(t, all["dispatch"].Final)
	assert.Equal(t, []string{"osrm", "heuristic", "operator"}, all["google"].FallbackAgents)
	for _, name := range []string{"google", "osrm", "heuristic", "operator"} {
		cfg := all[name]
		assert.Equal(t, "directions", cfg.Step)
		assert.Equal(t, name != "google", cfg.StandIn, name)
		assert.NotNil(t, cfg.ResultSchema, name)
		assert.Equal(t, config.NoCompensation, cfg.CompensationHandler, "%s: a question leaves nothing", name)
	}
}

// Who runs the agents by hand finds their providers where the files say.
func TestDefaults(t *testing.T) {
	for file, want := range map[string]string{"google/agent.yaml": "http://127.0.0.1:8095", "osrm/agent.yaml": "http://127.0.0.1:8096"} {
		t.Setenv("GOOGLE_MAPS_URL", "")
		t.Setenv("GOOGLE_MAPS_KEY", "")
		t.Setenv("OSRM_URL", "")
		cfg, err := config.Load(file)
		require.NoError(t, err)
		var s struct {
			Address     string        `yaml:"address"`
			Key         string        `yaml:"key"`
			Profile     string        `yaml:"profile"`
			Patience    time.Duration `yaml:"patience"`
			Longest     time.Duration `yaml:"longest_wait"`
			Attribution string        `yaml:"attribution"`
		}
		require.NoError(t, cfg.Settings(&s))
		assert.Equal(t, want, s.Address, file)
		if s.Key != "" {
			assert.Equal(t, world.Key, s.Key, file)
		}
	}
}
