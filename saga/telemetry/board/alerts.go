package board

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// An Alert wakes somebody, or tells somebody in the morning.
type Alert struct {
	Name     string
	Query    string // with our names: see promql
	For      string // how long it must hold
	Severity string // critical: somebody is needed now; warning: somebody should look
	Summary  string
	What     string // what to do
}

// Alerts lists them.
func Alerts() []Alert {
	const agents = "(unwind.saga.type, unwind.agent, unwind.purpose)"
	return []Alert{
		{
			Name: "UnwindStuck", Severity: "critical",
			Query:   `sum by (unwind.saga.type, unwind.step, unwind.agent, unwind.reason) (increase(unwind.stuck[1h])) > 0`,
			Summary: "A step of {{ $labels.unwind_saga_type }} waits for a person: {{ $labels.unwind_step }} of {{ $labels.unwind_agent }}, {{ $labels.unwind_reason }}",
			What:    "unwind inbox list. The alert ends an hour after the last step got stuck; the inbox is empty when all are seen to.",
		},
		{
			Name: "UnwindAgentMissing", For: "2m", Severity: "critical",
			// Whoever is busy asks for no messages, and is there all the same. It says
			// so itself, if it tells anything.
			Query: `(max by ` + agents + ` (unwind.backlog) > 0 and max by ` + agents + ` (unwind.listens) == 0) ` +
				`unless on (unwind.saga.type, unwind.agent) max by (unwind.saga.type, unwind.agent) (unwind.ready) == 1`,
			Summary: "Nobody listens for {{ $labels.unwind_agent }} of {{ $labels.unwind_saga_type }} ({{ $labels.unwind_purpose }}), and {{ $value }} messages wait",
			What:    "Start it: unwind agent list says when it was last seen. Sagas that wait for it turn by themselves at their deadline.",
		},
		{
			Name: "UnwindNobodyTells", For: "5m", Severity: "critical",
			Query:   `absent(unwind.ready)`,
			Summary: "No agent tells anything",
			What:    "Do they run, with --listen, and does Prometheus reach them?",
		},
		{
			Name: "UnwindNotReady", For: "5m", Severity: "warning",
			Query:   `min by (unwind.saga.type, unwind.agent, instance) (unwind.ready) == 0`,
			Summary: "{{ $labels.unwind_agent }} at {{ $labels.instance }} is not ready",
			What:    "Its /readyz says why: the broker, its consumers, or that it ends and does not.",
		},
		{
			Name: "UnwindRetries", For: "10m", Severity: "warning",
			Query: `sum by (unwind.saga.type, unwind.agent) (rate(unwind.retries[10m])) ` +
				`/ (sum by (unwind.saga.type, unwind.agent) (rate(unwind.attempts[10m])) > 0) > 0.2`,
			Summary: "{{ $value | humanizePercentage }} of the attempts of {{ $labels.unwind_agent }} follow one that failed",
			What:    "unwind saga list --retrying names the errors.",
		},
		{
			Name: "UnwindUnwinding", For: "10m", Severity: "warning",
			Query: `sum by (unwind.saga.type) (rate(unwind.sagas.ended{unwind.outcome="compensated"}[15m])) ` +
				`/ (sum by (unwind.saga.type) (rate(unwind.sagas.ended[15m])) > 0) > 0.1`,
			Summary: "{{ $value | humanizePercentage }} of the sagas of {{ $labels.unwind_saga_type }} go back",
			What:    "unwind saga list --unwinding says which step turns them.",
		},
		{
			Name: "UnwindDeadline", Severity: "warning",
			Query:   `sum by (unwind.saga.type) (increase(unwind.sagas.turned{unwind.reason="deadline"}[15m])) > 0`,
			Summary: "Sagas of {{ $labels.unwind_saga_type }} are turned by their deadline",
			What:    "An agent is missing, or too slow for its backlog.",
		},
		{
			Name: "UnwindUndoingFails", For: "5m", Severity: "warning",
			Query:   `sum by (unwind.saga.type, unwind.agent) (increase(unwind.compensations{unwind.outcome="failed"}[15m])) > 3`,
			Summary: "{{ $labels.unwind_agent }} can't undo: {{ $value }} tries failed",
			What:    "When its compensation_retry_policy gives up, a person has it.",
		},
		{
			Name: "UnwindBreakerOpen", For: "5m", Severity: "warning",
			Query:   `max by (unwind.saga.type, unwind.agent, instance) (unwind.breaker{unwind.state="open"}) == 1`,
			Summary: "The circuit breaker of {{ $labels.unwind_agent }} at {{ $labels.instance }} is open",
			What:    "What it calls fails. Steps go to the fallback agents, or wait.",
		},
		{
			Name: "UnwindBacklogGrows", For: "15m", Severity: "warning",
			Query: `max by ` + agents + ` (unwind.backlog) > 100 and ` +
				`deriv((max by ` + agents + ` (unwind.backlog))[15m:1m]) > 0`,
			Summary: "{{ $value }} messages wait for {{ $labels.unwind_agent }} ({{ $labels.unwind_purpose }}), and more each minute",
			What:    "Start more instances, or raise concurrency; is it throttled?",
		},
		{
			Name: "UnwindUnsettled", For: "10m", Severity: "warning",
			Query:   `sum by (messaging.consumer.group.name, error.type) (rate(messaging.client.consumed.messages{error.type!=""}[10m])) > 0`,
			Summary: "Messages of {{ $labels.messaging_consumer_group_name }} are {{ $labels.error_type }}",
			What:    "Its log says why: a broker that does not take events, or a history that makes no sense.",
		},
	}
}

// Rules are the alerts as Prometheus reads them.
func Rules() ([]byte, error) {
	type rule struct {
		Alert       string            `yaml:"alert"`
		Expr        string            `yaml:"expr"`
		For         string            `yaml:"for,omitempty"`
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	g := group{Name: "unwind"}
	for _, a := range Alerts() {
		g.Rules = append(g.Rules, rule{
			Alert: a.Name, Expr: promql(a.Query), For: a.For, Labels: map[string]string{"severity": a.Severity},
			Annotations: map[string]string{"summary": a.Summary, "description": a.What},
		})
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {g}})
	if err != nil {
		return nil, fmt.Errorf("write the alerts: %w", err)
	}
	return append([]byte("# Made by saga/telemetry/board: go generate ./... there writes it anew.\n"), text...), nil
}
