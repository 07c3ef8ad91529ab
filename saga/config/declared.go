package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/unwind-saga/unwind/saga/when"
)

// MaxDeclared is the size up to which a schema is declared. A larger one, and
// one that refers to other files, is named and left out.
const MaxDeclared = 96 << 10

// declaration is what an agent says of itself to whoever asks, with the keys of
// its file. What is not here is nobody's business: its settings, its command, where
// its handler lives.
type declaration struct {
	Agent        string   `json:"agent"`
	Saga         string   `json:"saga"`
	Step         string   `json:"step"`
	After        []string `json:"after,omitempty"`
	When         string   `json:"when,omitempty"`
	StandIn      bool     `json:"stand_in,omitempty"`
	Final        bool     `json:"final,omitempty"`
	Pivot        bool     `json:"pivot,omitempty"`
	NeverRefuses bool     `json:"never_refuses,omitempty"`

	Timeout     span `json:"timeout"`
	Deadline    span `json:"deadline"`
	Concurrency int  `json:"concurrency"`
	Lease       span `json:"lease"`

	Retry           declaredPolicy   `json:"retry_policy"`
	UndoRetry       declaredPolicy   `json:"compensation_retry_policy"`
	RateLimit       *declaredLimit   `json:"rate_limit,omitempty"`
	CircuitBreaker  *declaredBreaker `json:"circuit_breaker,omitempty"`
	RetryAfterHolds string           `json:"retry_after_holds"`

	Fallbacks    []string `json:"fallback_agents,omitempty"`
	Compensation string   `json:"compensation_handler,omitempty"`
	MaxTakeovers int      `json:"max_takeovers"`

	TaskSchema   json.RawMessage `json:"task_schema,omitempty"`
	ResultSchema json.RawMessage `json:"result_schema,omitempty"`
}

type declaredPolicy struct {
	MaxRetries int     `json:"max_retries"`
	BaseDelay  span    `json:"base_delay"`
	MaxDelay   span    `json:"max_delay"`
	Multiplier float64 `json:"backoff_multiplier"`
	Jitter     float64 `json:"jitter_ratio"`
}

type declaredLimit struct {
	Requests int  `json:"requests"`
	Per      span `json:"per"`
	Burst    int  `json:"burst"`
}

type declaredBreaker struct {
	Failures  int  `json:"failures"`
	Window    span `json:"window,omitzero"`
	Of        int  `json:"of,omitempty"`
	OpenFor   span `json:"open_for"`
	Successes int  `json:"successes"`
}

// A span is a duration as a file has it.
type span time.Duration

func (s span) MarshalText() ([]byte, error) { return []byte(short(time.Duration(s))), nil }

func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

// Declared is what an agent tells whoever asks who is there: its place, its
// policies, its chain, its schemas, as JSON with the keys of its file, defaults
// included. Settings and command are left out: they may be secret. [FromDeclared]
// reads it back.
func (c Config) Declared() (json.RawMessage, error) {
	c = c.WithDefaults()
	d := declaration{
		Agent: c.Agent, Saga: c.Saga, Step: c.Step, After: c.After,
		StandIn: c.StandIn, Final: c.Final, Pivot: c.Pivot, NeverRefuses: c.NeverRefuses,
		Timeout: span(c.Timeout), Deadline: span(c.Deadline), Concurrency: c.Concurrency, Lease: span(c.Lease),
		Retry: declarePolicy(c.RetryPolicy), UndoRetry: declarePolicy(c.CompensationRetryPolicy),
		RetryAfterHolds: c.RetryAfterHolds,
		Fallbacks:       c.FallbackAgents, Compensation: c.CompensationHandler, MaxTakeovers: c.MaxTakeovers,
		TaskSchema: c.TaskSchema.declared(), ResultSchema: c.ResultSchema.declared(),
	}
	if c.When != nil {
		d.When = c.When.String()
	}
	if l := c.RateLimit; l != nil {
		d.RateLimit = &declaredLimit{l.Requests, span(l.Per), l.Burst}
	}
	if b := c.CircuitBreaker; b != nil {
		d.CircuitBreaker = &declaredBreaker{b.Failures, span(b.Window), b.Of, span(b.OpenFor), b.Successes}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("declare agent %q: %w", c.Agent, err)
	}
	return text, nil
}

// FromDeclared reads what an agent declared. Keys that a newer agent has are passed
// over, and a schema that was left out accepts everything. No file is read, whatever
// a schema refers to.
func FromDeclared(text json.RawMessage) (Config, error) {
	fail := func(err error) (Config, error) {
		return Config{}, fmt.Errorf("read what an agent declares: %w", err)
	}
	var d declaration
	if err := json.Unmarshal(text, &d); err != nil {
		return fail(err)
	}
	c := Config{
		Agent: d.Agent, Saga: d.Saga, Step: d.Step, After: d.After,
		StandIn: d.StandIn, Final: d.Final, Pivot: d.Pivot, NeverRefuses: d.NeverRefuses,
		Timeout: time.Duration(d.Timeout), Deadline: time.Duration(d.Deadline), Concurrency: d.Concurrency, Lease: time.Duration(d.Lease),
		RetryPolicy: d.Retry.policy(), CompensationRetryPolicy: d.UndoRetry.policy(),
		RetryAfterHolds: d.RetryAfterHolds,
		FallbackAgents:  d.Fallbacks, CompensationHandler: d.Compensation, MaxTakeovers: d.MaxTakeovers,
	}
	if l := d.RateLimit; l != nil {
		c.RateLimit = &RateLimit{l.Requests, time.Duration(l.Per), l.Burst}
	}
	if b := d.CircuitBreaker; b != nil {
		c.CircuitBreaker = &CircuitBreaker{b.Failures, time.Duration(b.Window), b.Of, time.Duration(b.OpenFor), b.Successes}
	}
	var err error
	if d.When != "" {
		if c.When, err = when.Compile(d.When); err != nil {
			return fail(fmt.Errorf("when: %w", err))
		}
	}
	if c.TaskSchema, err = readDeclared(d.TaskSchema); err != nil {
		return fail(fmt.Errorf("task_schema: %w", err))
	}
	if c.ResultSchema, err = readDeclared(d.ResultSchema); err != nil {
		return fail(fmt.Errorf("result_schema: %w", err))
	}
	if err := c.Validate(); err != nil {
		return fail(err)
	}
	return c.WithDefaults(), nil
}

func declarePolicy(p RetryPolicy) declaredPolicy {
	return declaredPolicy{p.MaxRetries, span(p.BaseDelay), span(p.MaxDelay), p.Multiplier, p.Jitter}
}

func (p declaredPolicy) policy() RetryPolicy {
	if p == (declaredPolicy{}) {
		return RetryPolicy{}
	}
	return RetryPolicy{p.MaxRetries, time.Duration(p.BaseDelay), time.Duration(p.MaxDelay), p.Multiplier, p.Jitter, true}
}

// alone refuses to load whatever a schema refers to.
type alone struct{}

func (alone) Load(string) (any, error) { return nil, errors.New("it refers to another schema") }

// declared is the schema if it can stand alone in a message, or a text that says
// why not.
func (s *Schema) declared() json.RawMessage {
	switch doc := s.JSON(); {
	case s == nil:
		return nil
	case doc == nil:
		return json.RawMessage(`"left out"`)
	case len(doc) > MaxDeclared:
		return json.RawMessage(fmt.Sprintf("%q", fmt.Sprintf("left out: it has %d bytes", len(doc))))
	default:
		if _, err := readDeclared(doc); err != nil {
			return json.RawMessage(`"left out: it refers to other schemas"`)
		}
		return doc
	}
}

func readDeclared(text json.RawMessage) (*Schema, error) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return nil, nil
	}
	if text[0] == '"' {
		return &Schema{}, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return compileWith(alone{}, "declared", doc)
}
