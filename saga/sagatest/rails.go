package sagatest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/saga/config"
)

// garbage is a result that does not fit what a checked agent promises.
const garbage = `{"by": 7}`

// What people answer is no object, and fits too.
const promise = `{"properties": {"by": {"type": "string"}}}`

// rail reads a word about what stands around an actor's calls.
func (a *Actor) rail(word, v string) (err error) {
	if word == "checked" {
		a.Config.ResultSchema, err = config.NewSchema("result.schema.json", []byte(promise))
		return err
	}
	count, period, _ := strings.Cut(v, "/")
	n, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("%s=%s: %w", word, v, err)
	}
	d, err := time.ParseDuration(period)
	if word == "rate" {
		a.Config.RateLimit = &config.RateLimit{Requests: n, Per: d}
	} else {
		a.Config.CircuitBreaker = &config.CircuitBreaker{Failures: n, OpenFor: d, Successes: 1}
	}
	return err
}
