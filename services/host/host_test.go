package host_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	otlp "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/host"
)

// TestMain runs the tests, or is the agent that they start.
func TestMain(m *testing.M) {
	if os.Getenv("HOST_TEST_AGENT") == "" {
		brokertest.Main(m)
		return
	}
	host.Main(agent.Handler{
		Perform: func(ctx context.Context, t agent.Task) (agent.Result, error) {
			slog.InfoContext(ctx, "performing", "saga", t.ID)
			if t.ID == "slow" && t.Step == "seat" {
				time.Sleep(700 * time.Millisecond)
			}
			if t.ID == "refused" && t.Step == "pay" {
				return agent.Result{}, agent.Refuse("declined", "the card is declined")
			}
			return agent.Result{Data: "done", Undo: "token"}, nil
		},
		Compensations: agent.Compensations{"undo": func(context.Context, agent.Undo) error { return nil }},
	})
}

// A program is a process of ours.
type program struct {
	*testing.T
	cmd     *exec.Cmd
	address string // of its page
	ended   chan error

	mu    sync.Mutex
	lines []map[string]any
}

// start starts an agent as an agent is started.
func start(t *testing.T, name, yaml string, env ...string) *program {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".yaml")
	require.NoError(t, os.WriteFile(file, []byte("agent: "+name+"\nsaga: trip\n"+yaml), 0o600))
	p := &program{T: t, ended: make(chan error, 1)}
	p.cmd = exec.Command(os.Args[0], "--config", file, "--listen", "127.0.0.1:0", "--log", "json") //nolint:gosec // this very program
	p.cmd.Env = append(append(os.Environ(), "HOST_TEST_AGENT=1"), env...)
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	listens := make(chan string, 1)
	go func() {
		for in := bufio.NewScanner(stderr); in.Scan(); {
			var line map[string]any
			if json.Unmarshal(in.Bytes(), &line) != nil {
				line = map[string]any{"msg": in.Text()}
			}
			if line["msg"] == "serving health and metrics" {
				listens <- line["address"].(string)
			}
			p.mu.Lock()
			p.lines = append(p.lines, line)
			p.mu.Unlock()
		}
		p.ended <- p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	select {
	case p.address = <-listens:
	case err := <-p.ended:
		t.Fatalf("%s ended: %v %v", name, err, p.lines)
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not listen", name)
	}
	return p
}

func (p *program) get(path string) (int, string) {
	p.Helper()
	res, err := http.Get("http://" + p.address + path) //nolint:noctx // of a test
	require.NoError(p, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(p, err)
	return res.StatusCode, string(body)
}

func (p *program) await(path string, code int, body string) {
	p.Helper()
	require.Eventually(p, func() bool {
		got, text := p.get(path)
		return got == code && strings.Contains(text, body)
	}, 20*time.Second, 5*time.Millisecond, "%s: %d %s", path, code, body)
}

// metric reads the page, and adds up what has such labels.
func (p *program) metric(name string, labels ...string) (sum float64) {
	p.Helper()
	_, body := p.get("/metrics")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(p, err)
	for _, m := range families[name].GetMetric() {
		var has []string
		for _, l := range m.GetLabel() {
			has = append(has, l.GetValue())
		}
		if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(has, l) }) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// stop ends it as a supervisor does.
func (p *program) stop() error {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(syscall.SIGTERM))
	return <-p.ended
}

func (p *program) said(msg string) (lines []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if line["msg"] == msg {
			lines = append(lines, line)
		}
	}
	return lines
}

// A collector takes what processes export, as one of OpenTelemetry's does.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*tracepb.Span
	service map[*tracepb.Span]string
	metrics int
}

func collect(t *testing.T) *collector {
	c := &collector{service: map[*tracepb.Span]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "application/x-protobuf", r.Header.Get("Content-Type"))
		c.mu.Lock()
		defer c.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-protobuf")
		if r.URL.Path != "/v1/traces" {
			c.metrics++
			return
		}
		var req otlp.ExportTraceServiceRequest
		assert.NoError(t, proto.Unmarshal(body, &req))
		for _, of := range req.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					c.spans = append(c.spans, span)
					for _, a := range of.GetResource().GetAttributes() {
						if a.GetKey() == "service.name" {
							c.service[span] = a.GetValue().GetStringValue()
						}
					}
				}
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// path is the way from the root of a trace to a span, as names.
func (c *collector) path(s *tracepb.Span) string {
	name := c.service[s] + ": " + s.GetName()
	for _, above := range c.spans {
		if bytes.Equal(above.GetSpanId(), s.GetParentSpanId()) {
			return c.path(above) + " > " + name
		}
	}
	return name
}

// TestProcesses: two agents as processes of their own, on a real broker, with a
// collector and a page that is read: one saga goes through, one comes back.
func TestProcesses(t *testing.T) {
	server := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{Port: -1})
	log := brokertest.Connect(t, server, broker.Config{})
	c := collect(t)
	env := []string{
		"NATS_URL=" + server.ClientURL(), "OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_TRACES_EXPORTER=", "OTEL_METRICS_EXPORTER=",
	}
	seat := start(t, "seat", "compensation_handler: undo\n", env...)
	pay := start(t, "pay", "after: [seat]\nfinal: true\ncompensation_handler: undo\n", env...)
	for _, p := range []*program{seat, pay} {
		p.await("/readyz", 200, "ok")
		p.await("/healthz", 200, "ok")
	}
	for _, id := range []string{"fine", "refused"} {
		_, err := client.Submit(t.Context(), log, "trip", id, []byte(`{}`), "test")
		require.NoError(t, err)
		_, err = client.Wait(t.Context(), log, "trip", id)
		require.NoError(t, err)
	}
	ended := func(p *program, outcome string) float64 { return p.metric("unwind_sagas_ended_total", outcome) }
	require.Eventually(t, func() bool {
		return ended(seat, "completed")+ended(pay, "completed") == 1 && ended(seat, "compensated")+ended(pay, "compensated") == 1
	}, 10*time.Second, 10*time.Millisecond, "each saga ends once")

	// The broker says who listens, to whoever asks one of them.
	assert.InDelta(t, 1, seat.metric("unwind_ready", "seat"), 0)
	assert.InDelta(t, 1, seat.metric("unwind_listens", "pay", "forward"), 0)
	assert.InDelta(t, 1, pay.metric("unwind_listens", "seat", "compensate"), 0)

	// While it ends, work under way may end, and nobody is sent to it.
	_, err := client.Submit(t.Context(), log, "trip", "slow", []byte(`{}`), "test")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(seat.said("performing")) == 3 }, 10*time.Second, time.Millisecond)
	require.NoError(t, seat.cmd.Process.Signal(syscall.SIGTERM))
	seat.await("/readyz", 503, "draining")
	code, _ := seat.get("/healthz")
	assert.Equal(t, 200, code)
	require.NoError(t, <-seat.ended, "told to stop, it ends with 0")
	_, err = client.Wait(t.Context(), log, "trip", "slow")
	require.NoError(t, err)
	require.NoError(t, pay.stop())

	c.mu.Lock()
	defer c.mu.Unlock()
	var paths []string
	for _, s := range c.spans {
		paths = append(paths, c.path(s))
	}
	const begin = "seat: process saga.trip.task.submitted.{id} > seat: publish saga.trip.seat.completed.{id} > pay: process saga.trip.seat.completed.{id} > "
	assert.Contains(t, paths, begin+"pay: publish saga.trip.saga.completed.{id}")
	assert.Contains(t, paths, begin+"pay: perform pay")
	assert.NotZero(t, c.metrics, "the metrics go there, too")

	// A line of a handler leads to its trace.
	traces := map[string]bool{}
	for _, s := range c.spans {
		traces[fmt.Sprintf("%x %x", s.GetTraceId(), s.GetSpanId())] = true
	}
	lines := seat.said("performing")
	require.Len(t, lines, 3)
	for _, line := range lines {
		assert.True(t, traces[fmt.Sprint(line["trace_id"], " ", line["span_id"])], "%v is in no trace that was exported", line)
	}
}

// TestNoBroker: who waits for the broker is alive, and not ready.
func TestNoBroker(t *testing.T) {
	p := start(t, "seat", "final: true\ncompensation_handler: undo\n", "NATS_URL=nats://127.0.0.1:1", "OTEL_EXPORTER_OTLP_ENDPOINT=")
	code, _ := p.get("/healthz")
	assert.Equal(t, 200, code)
	code, body := p.get("/readyz")
	assert.Equal(t, 503, code)
	assert.Equal(t, "not ready: not connected to the broker yet\n", body)
	_ = p.stop()
}

// TestFlags: what a command line gets.
func TestFlags(t *testing.T) {
	busy := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(busy.Close)
	good := filepath.Join(t.TempDir(), "agent.yaml")
	require.NoError(t, os.WriteFile(good, []byte("agent: seat\nsaga: trip\nfinal: true\ncompensation_handler: undo\n"), 0o600))
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--help", 0, "NATS_URL=nats://broker:4222"},
		{"--version", 0, "devel"},
		{"agent.yaml", 2, "the agent's file is given with --config"},
		{"--log xml", 2, "--log xml: want text or json"},
		{"--grace 0s", 2, "--grace 0s: must be more than nothing"},
		{"--config /nowhere.yaml", 1, "/nowhere.yaml"},
		{"--config " + good + " --listen " + busy.Listener.Addr().String(), 1, "a port of its own"},
	} {
		t.Run(c.args, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(c.args)...) //nolint:gosec // this very program
			cmd.Env = append(os.Environ(), "HOST_TEST_AGENT=1", "NATS_URL=nats://127.0.0.1:1", "OTEL_EXPORTER_OTLP_ENDPOINT=")
			out, _ := cmd.CombinedOutput()
			assert.Equal(t, c.code, cmd.ProcessState.ExitCode(), string(out))
			assert.Contains(t, string(out), c.says)
		})
	}
}
