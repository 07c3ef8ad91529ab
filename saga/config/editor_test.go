package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// property is what these tests read of a JSON Schema.
type property struct {
	Description string
	Default     any
	Properties  map[string]property
}

func TestEditorSchemaHasTheKeysOfTheDecoder(t *testing.T) {
	var top property
	if err := json.Unmarshal(EditorSchema(), &top); err != nil {
		t.Fatal(err)
	}
	d := decoder{}
	same := func(where string, fields map[string]field, properties map[string]property) {
		want, got := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(properties))
		if !slices.Equal(got, want) {
			t.Errorf("%s: the editor knows %v, the decoder %v", where, got, want)
		}
		for key, p := range properties {
			if p.Description == "" {
				t.Errorf("%s %s has no description", where, key)
			}
		}
	}
	same("agent", d.fields(&Config{}), top.Properties)
	same("rate_limit", d.limit(&RateLimit{}), top.Properties["rate_limit"].Properties)
	same("circuit_breaker", d.breaker(&CircuitBreaker{}), top.Properties["circuit_breaker"].Properties)
	same("retry_policy", d.policy(&RetryPolicy{}), top.Properties["retry_policy"].Properties)
	same("compensation_retry_policy", d.policy(&RetryPolicy{}), top.Properties["compensation_retry_policy"].Properties)
}

func TestEditorSchemaHasTheDefaults(t *testing.T) {
	var top property
	if err := json.Unmarshal(EditorSchema(), &top); err != nil {
		t.Fatal(err)
	}
	policy := func(p RetryPolicy) map[string]any {
		return map[string]any{
			"max_retries": float64(p.MaxRetries), "base_delay": short(p.BaseDelay), "max_delay": short(p.MaxDelay),
			"backoff_multiplier": p.Multiplier, "jitter_ratio": p.Jitter,
		}
	}
	c := defaults()
	same := func(properties map[string]property, want map[string]any) {
		got := map[string]any{}
		for key, p := range properties {
			if p.Default != nil {
				got[key] = p.Default
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("the editor's defaults are %v, ours %v", got, want)
		}
	}
	same(top.Properties, map[string]any{
		"stand_in": c.StandIn, "final": c.Final, "pivot": c.Pivot, "never_refuses": c.NeverRefuses, "timeout": short(c.Timeout), "deadline": short(c.Deadline),
		"lease": short(c.Lease), "concurrency": float64(c.Concurrency), "max_takeovers": float64(c.MaxTakeovers),
		"retry_after_holds": c.RetryAfterHolds,
	})
	l, b := usualRateLimit(), usualCircuitBreaker()
	same(top.Properties["rate_limit"].Properties, map[string]any{"per": short(l.Per), "burst": float64(l.Burst)})
	same(top.Properties["circuit_breaker"].Properties, map[string]any{
		"failures": float64(b.Failures), "open_for": short(b.OpenFor), "successes": float64(b.Successes),
	})
	same(top.Properties["retry_policy"].Properties, policy(c.RetryPolicy))
	same(top.Properties["compensation_retry_policy"].Properties, policy(c.CompensationRetryPolicy))
}

// TestEditorSchemaAgrees: the editor accepts each file that we accept, and
// marks each that we refuse, but for those that say otherwise on top.
func TestEditorSchemaAgrees(t *testing.T) {
	schema, err := NewSchema("agent.schema.json", EditorSchema())
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/*/*.yaml")
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Contains(file, "/valid/") || bytes.HasPrefix(text, []byte("# editor: silent"))
			var doc any
			if err := yaml.Load(text, &doc); err != nil {
				return // the editor's own parser tells it
			}
			body, err := json.Marshal(doc)
			if err != nil {
				return // NaN
			}
			err = schema.Validate(body)
			if (err == nil) != want {
				t.Errorf("the editor says %v", err)
			}
		})
	}
}
