package config_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/saga/config"
)

func ExampleLoad() {
	c, err := config.Load("testdata/valid/face-matching.yaml")
	if err != nil {
		fmt.Println(err) // every mistake, one on each line
		return
	}
	fmt.Println(c.Agent, "follows", c.After, "within", c.Timeout)

	settings := struct {
		Model     string
		Threshold float64
		Poll      time.Duration
	}{Model: "large", Threshold: 0.5, Poll: time.Second}
	if err := c.Settings(&settings); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(settings.Model, settings.Threshold, settings.Poll)
	// Output:
	// face-matching follows [id-extraction] within 10s
	// small 0.8 250ms
}

func ExampleParse_mistakes() {
	_, err := config.Parse("agent.yaml", []byte(`agent: face-matching
saga: kyc
time_out: 10s
retry_policy:
  base_delay: 5
  jitter_ratio: 1.5
`), nil)
	var mistakes config.Mistakes
	if errors.As(err, &mistakes) {
		fmt.Println(len(mistakes), "mistakes, the first in line", mistakes[0].Line)
	}
	fmt.Println(err)
	// Output:
	// 3 mistakes, the first in line 3
	// agent.yaml:3:1: time_out: unknown key, did you mean timeout?
	// agent.yaml:5:15: retry_policy.base_delay: must be a duration with its unit, such as 10s, 1m30s or 24h, is 5
	// agent.yaml:6:17: retry_policy.jitter_ratio: must be between 0 and 1, is 1.5
}

func ExampleConfig_WithDefaults() {
	c := config.Config{Agent: "greeter", Saga: "greeting"}.WithDefaults()
	fmt.Println(c.Step, c.Timeout, c.RetryPolicy.MaxRetries)
	// Output: greeter 30s 3
}

func ExampleSchema_Validate() {
	s, err := config.NewSchema("task.schema.json", []byte(`{"properties": {"mrz": {"type": "array", "minItems": 2}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Validate([]byte(`{"mrz": ["P<UTO"]}`)))
	// Output: /mrz: minItems: got 1, want 2
}
