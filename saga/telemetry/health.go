package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/metric"

	"github.com/unwind-saga/unwind/saga/agent"
)

// health is how far the agents of this process are.
type health struct {
	mu     sync.Mutex
	phases map[agent.Who]agent.Phase
	broker *Broker // nil: there is none yet
}

func (h *health) set(who agent.Who, p agent.Phase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phases == nil {
		h.phases = map[agent.Who]agent.Phase{}
	}
	h.phases[who] = p
}

func (h *health) watch(b Broker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broker = &b
}

// check says why the process is not ready; empty when it is.
func (h *health) check() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.broker == nil:
		return "not connected to the broker yet"
	case h.broker.Connected != nil && !h.broker.Connected():
		return "the connection to the broker is lost"
	case len(h.phases) == 0:
		return "no agent runs yet"
	}
	for who, p := range h.phases {
		if p != agent.Listening {
			return fmt.Sprintf("agent %q of saga %q is %s", who.Agent, who.Type, p)
		}
	}
	return ""
}

func (t *Telemetry) observeReady(_ context.Context, o metric.Observer) error {
	is := one(t.health.check() == "")
	t.health.mu.Lock()
	defer t.health.mu.Unlock()
	for who := range t.health.phases {
		o.ObserveInt64(t.meters.gauges[ready.Name], is, metric.WithAttributes(place(who)...))
	}
	return nil
}

// Handler answers GET /metrics for Prometheus, if [Config.Page] asked for it,
// /healthz with 200 while the process is alive, and /readyz with 200 while it is
// connected, all its consumers are there and it does not end; else with 503 and
// the reason.
func (t *Telemetry) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, "") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, t.health.check()) })
	if t.page != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(t.page, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	}
	return mux
}

func answer(w http.ResponseWriter, trouble string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if trouble != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "not ready:", trouble)
		return
	}
	fmt.Fprintln(w, "ok")
}
