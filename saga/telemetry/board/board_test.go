package board_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/telemetry"
	"github.com/unwind-saga/unwind/saga/telemetry/board"
)

const folder = "../../../deploy/telemetry"

// TestFiles: what is in deploy is what is made.
func TestFiles(t *testing.T) {
	for name, make := range board.Files() {
		want, err := make()
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s is behind: go generate ./... in saga/telemetry", name)
	}
}

// TestNames: every name in the files is one that is told; and every metric is
// looked at somewhere.
func TestNames(t *testing.T) {
	known, metrics := map[string]bool{}, map[string]bool{}
	for _, m := range telemetry.Metrics() {
		metrics[m.Prometheus()] = false
		known[m.Prometheus()] = true
		if m.Kind == telemetry.Histogram {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				known[m.Prometheus()+suffix] = true
			}
		}
		for _, k := range m.By {
			known[telemetry.Label(k)] = true
		}
	}
	names := regexp.MustCompile(`\b(unwind|messaging)_[a-z_]+`)
	for name := range board.Files() {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.NotRegexp(t, `(unwind|messaging)\.[a-z]+\.?[a-z]*\{`, string(text))
		for _, found := range names.FindAllString(string(text), -1) {
			assert.True(t, known[found], "%s: %s is told by nobody", name, found)
			base := strings.TrimSuffix(found, "_bucket")
			if _, is := metrics[base]; is {
				metrics[base] = true
			}
		}
	}
	for name, seen := range metrics {
		assert.True(t, seen, "nobody looks at %s", name)
	}
}

// TestDashboard: no two panels are in one place, or have one id.
func TestDashboard(t *testing.T) {
	text, err := board.Dashboard()
	require.NoError(t, err)
	var d struct {
		Panels []struct {
			ID      int `json:"id"`
			GridPos struct{ X, Y, W, H int }
		}
	}
	require.NoError(t, json.Unmarshal(text, &d))
	taken, ids := map[[2]int]bool{}, map[int]bool{}
	for _, p := range d.Panels {
		assert.False(t, ids[p.ID])
		ids[p.ID] = true
		assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				assert.False(t, taken[at], "two panels at %v", at)
				taken[at] = true
			}
		}
	}
	assert.Greater(t, len(ids), 20)
}
