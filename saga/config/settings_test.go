package config

import (
	"testing"
	"time"
)

type settings struct {
	Model     string
	Threshold float64       `yaml:"score_threshold"`
	Poll      time.Duration `yaml:"poll"`
	Retry     struct {
		Codes []int `yaml:"codes"`
	} `yaml:"retry"`
	Labels map[string]string `yaml:"labels"`
}

func TestSettings(t *testing.T) {
	c := parse(t, "agent: a\nsaga: s\nsettings:\n  model: small\n  poll: 250ms\n  retry: {codes: [1, 2]}\n")
	got := settings{Model: "large", Threshold: 0.8}
	if err := c.Settings(&got); err != nil {
		t.Fatal(err)
	}
	if got.Model != "small" || got.Threshold != 0.8 || got.Poll != 250*time.Millisecond || len(got.Retry.Codes) != 2 {
		t.Errorf("got %+v", got)
	}
	var none settings
	if err := parse(t, "agent: a\nsaga: s\n").Settings(&none); err != nil {
		t.Errorf("without settings: %v", err)
	}
	if err := (Config{}).Settings(&none); err != nil {
		t.Errorf("built in Go: %v", err)
	}
}

func TestSettingsWantsAPointer(t *testing.T) {
	for _, into := range []any{nil, settings{}, (*settings)(nil)} {
		if err := (Config{Agent: "a"}).Settings(into); err == nil {
			t.Errorf("%T was taken", into)
		}
	}
}

func TestSettingsTellsEveryMistake(t *testing.T) {
	c := parse(t, `agent: a
saga: s
settings:
  modell: small
  score_threshold: high
  poll: 10
  retry:
    codes: {a: 1}
    code: 5
  labels:
    - x
  model:
    at: once
`)
	want := `agent.yaml:4:3: settings.modell: unknown key, did you mean model?
agent.yaml:5:20: settings.score_threshold: must be float64, is "high"
agent.yaml:6:9: settings.poll: must be a duration with its unit, such as 10s, is 10
agent.yaml:8:12: settings.retry.codes: must be []int, is a mapping
agent.yaml:9:5: settings.retry.code: unknown key, did you mean codes?
agent.yaml:11:5: settings.labels: must be map[string]string, is a list
agent.yaml:13:5: settings.model: must be string, is a mapping`
	err := c.Settings(new(settings))
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestSettingsKeepsSecrets(t *testing.T) {
	c := parse(t, "agent: a\nsaga: s\nsettings:\n  score_threshold: ${SECRET}\n")
	err := c.Settings(new(settings))
	want := `agent.yaml:4:20: settings.score_threshold: must be float64, is the value of ${SECRET}`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
