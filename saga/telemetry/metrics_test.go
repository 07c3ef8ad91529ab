package telemetry_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/telemetry"
)

// TestPage: what Prometheus reads after a saga that went back, and one with a
// circuit breaker and a pause: every metric of the table is there, and none that
// is not.
func TestPage(t *testing.T) {
	clear(t)
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "kyc", Page: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, tel.Stop(t.Context())) }()
	require.NoError(t, tel.Watch(telemetry.Broker{Type: "kyc", Backlogs: func(context.Context, string) ([]events.Backlog, error) {
		return []events.Backlog{{Agent: "risk-scoring", Purpose: events.ForForward, Waiting: 3, Held: 1, Listens: true}}, nil
	}}))
	actors := kyc()
	play(t, actors, func(string) agent.Observer { return tel.Observer() }, func(log *eventtest.Log) { submit(t, log, "1", nil) })
	page := scrape(t, tel.Handler())
	for series, want := range map[string]float64{
		`unwind_sagas_ended_total{unwind_outcome="compensated",unwind_saga_type="kyc"}`:                                                                    1,
		`unwind_sagas_ended_total{unwind_outcome="completed",unwind_saga_type="kyc"}`:                                                                      0,
		`unwind_sagas_turned_total{unwind_reason="failed",unwind_saga_type="kyc"}`:                                                                         1,
		`unwind_attempts_total{unwind_agent="id-extraction",unwind_error_class="transient",unwind_outcome="failed",unwind_saga_type="kyc"}`:                1,
		`unwind_attempts_total{unwind_agent="id-extraction",unwind_outcome="completed",unwind_saga_type="kyc"}`:                                            1,
		`unwind_attempts_total{unwind_agent="risk-scoring",unwind_error_class="refused",unwind_outcome="failed",unwind_saga_type="kyc"}`:                   1,
		`unwind_retries_total{unwind_agent="id-extraction",unwind_cause="retry",unwind_saga_type="kyc"}`:                                                   1,
		`unwind_retries_total{unwind_agent="face-matching",unwind_cause="retry",unwind_saga_type="kyc"}`:                                                   0,
		`unwind_fallbacks_total{unwind_agent="face-matching",unwind_next="face-matching-lite",unwind_saga_type="kyc"}`:                                     1,
		`unwind_compensations_ordered_total{unwind_agent="document-validation",unwind_reason="failed",unwind_saga_type="kyc"}`:                             1,
		`unwind_compensations_total{unwind_agent="document-validation",unwind_outcome="undone",unwind_saga_type="kyc"}`:                                    1,
		`unwind_compensations_total{unwind_agent="document-validation",unwind_outcome="failed",unwind_saga_type="kyc"}`:                                    1,
		`unwind_call_duration_seconds{unwind_agent="face-matching",unwind_call="perform",unwind_outcome="failed",unwind_saga_type="kyc"}`:                  1,
		`unwind_calls_active{unwind_agent="face-matching",unwind_call="perform",unwind_saga_type="kyc"}`:                                                   0,
		`unwind_messages_active{unwind_agent="face-matching",unwind_purpose="forward",unwind_saga_type="kyc"}`:                                             0,
		`unwind_stuck_total{unwind_agent="id-extraction",unwind_reason="undoing",unwind_saga_type="kyc"}`:                                                  0,
		`unwind_backlog{unwind_agent="risk-scoring",unwind_purpose="forward",unwind_saga_type="kyc"}`:                                                      3,
		`unwind_backlog_held{unwind_agent="risk-scoring",unwind_purpose="forward",unwind_saga_type="kyc"}`:                                                 1,
		`unwind_listens{unwind_agent="risk-scoring",unwind_purpose="forward",unwind_saga_type="kyc"}`:                                                      1,
		`unwind_ready{unwind_agent="risk-scoring",unwind_saga_type="kyc"}`:                                                                                 0,
		`messaging_client_sent_messages_total{messaging_destination_template="saga.kyc.id-extraction.failed-{n}.{id}",messaging_operation_name="publish"}`: 1,
		`messaging_client_operation_duration_seconds{messaging_destination_template="saga.kyc.saga.compensated.{id}",messaging_operation_name="publish"}`:  1,
		`messaging_client_consumed_messages_total{messaging_consumer_group_name="id-extraction_forward",messaging_operation_name="process"}`:               1,
		`messaging_process_duration_seconds{messaging_destination_template="saga.kyc.task.submitted.{id}",messaging_operation_name="process"}`:             1,
	} {
		got, ok := page[series]
		assert.True(t, ok, "no %s", series)
		assert.InDelta(t, want, got, 0, series)
	}

	guarded := []actor{{Config: config.Config{
		Agent: "id-extraction", Final: true, CircuitBreaker: &config.CircuitBreaker{Failures: 1, OpenFor: time.Hour, Successes: 1},
	}, perform: after(time.Second, &agent.Failure{Code: "http_429", RetryAfter: time.Second, Err: errBusy}, errBusy)}}
	play(t, guarded, func(string) agent.Observer { return tel.Observer() }, func(log *eventtest.Log) { submit(t, log, "1", nil) })
	page = scrape(t, tel.Handler())
	assert.InDelta(t, 1, page[`unwind_breaker{unwind_agent="id-extraction",unwind_saga_type="kyc",unwind_state="open"}`], 0)
	assert.InDelta(t, 0, page[`unwind_breaker{unwind_agent="id-extraction",unwind_saga_type="kyc",unwind_state="closed"}`], 0)
	assert.InDelta(t, 1, page[`unwind_throttled_total{unwind_agent="id-extraction",unwind_saga_type="kyc"}`], 0)

	told := map[string]bool{}
	for series := range page {
		name, _, _ := strings.Cut(series, "{")
		told[name] = true
	}
	for _, m := range telemetry.Metrics() {
		assert.True(t, told[m.Prometheus()], "%s is %s, and is not told", m.Name, m.Prometheus())
		delete(told, m.Prometheus())
	}
	for name := range told {
		assert.Regexp(t, "^(go|process|promhttp|target)_", name, "it is in no table")
	}
}

// TestHealth: alive always, ready only while it listens and is connected.
func TestHealth(t *testing.T) {
	clear(t)
	tel, err := telemetry.Start(t.Context(), telemetry.Config{})
	require.NoError(t, err)
	check := func(want int, body string) {
		t.Helper()
		code, got := get(t, tel.Handler(), "/readyz")
		assert.Equal(t, want, code)
		assert.Equal(t, body+"\n", got)
		code, _ = get(t, tel.Handler(), "/healthz")
		assert.Equal(t, http.StatusOK, code)
	}
	o, who := tel.Observer(), agent.Who{Type: "kyc", Agent: "scan"}
	assert.Nil(t, o.Heard, "nothing is asked for, so nothing is told")
	check(503, "not ready: not connected to the broker yet")
	connected := true
	require.NoError(t, tel.Watch(telemetry.Broker{Type: "kyc", Connected: func() bool { return connected }}))
	check(503, "not ready: no agent runs yet")
	o.Phase(who, agent.Starting)
	check(503, `not ready: agent "scan" of saga "kyc" is starting`)
	o.Phase(who, agent.Listening)
	check(200, "ok")
	connected = false
	check(503, "not ready: the connection to the broker is lost")
	connected = true
	o.Phase(who, agent.Draining)
	check(503, `not ready: agent "scan" of saga "kyc" is draining`)
	code, _ := get(t, tel.Handler(), "/metrics")
	assert.Equal(t, http.StatusNotFound, code, "no page was asked for")
}

// TestTemplates: names that are few.
func TestNames(t *testing.T) {
	for _, m := range telemetry.Metrics() {
		assert.NotEmpty(t, m.About)
		assert.True(t, model.LegacyValidation.IsValidMetricName(m.Prometheus()), m.Prometheus())
		assert.NotContains(t, m.By, telemetry.SagaID, "a metric by saga is one of very many")
		assert.NotContains(t, m.By, telemetry.Instance)
	}
}

// clear takes away what the environment of who runs the test says.
func clear(t *testing.T) {
	t.Helper()
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"} {
		t.Setenv(name, "")
	}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// scrape reads the page as series: of a histogram the count. Labels that a test
// need not say are left out, and what is then alike is added up.
func scrape(t *testing.T, h http.Handler) map[string]float64 {
	t.Helper()
	code, body := get(t, h, "/metrics")
	require.Equal(t, http.StatusOK, code, body)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	page := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			page[name+"{"+strings.Join(labels(name, m), ",")+"}"] += value(m)
		}
	}
	return page
}

func labels(name string, m *dto.Metric) (list []string) {
	quiet := []string{"unwind_step", "messaging_system", "messaging_operation_type"}
	switch {
	case strings.HasPrefix(name, "messaging_process_"):
		quiet = append(quiet, "messaging_consumer_group_name")
	case strings.HasPrefix(name, "messaging_client_consumed_"):
		quiet = append(quiet, "messaging_destination_template")
	}
	for _, l := range m.GetLabel() {
		if !slices.Contains(quiet, l.GetName()) {
			list = append(list, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
	}
	slices.Sort(list)
	return list
}

func value(m *dto.Metric) float64 {
	if h := m.GetHistogram(); h != nil {
		return float64(h.GetSampleCount())
	}
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}
