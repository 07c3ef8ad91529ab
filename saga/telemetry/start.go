package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	page "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// Config says of whom is told. Its zero value works.
type Config struct {
	Service  string // service.name, unless OTEL_SERVICE_NAME says another: the agent's
	Saga     string // service.namespace: the saga's type
	Instance string // service.instance.id
	Version  string // service.version
	Page     bool   // there will be a page for Prometheus: see [Telemetry.Handler]

	Logger *slog.Logger // of what goes wrong here; default: slog.Default
}

// A Telemetry is what one process tells of itself.
type Telemetry struct {
	logger *slog.Logger
	health health
	spans  *spans       // nil: no traces
	meters *instruments // nil: no metrics
	meter  metric.Meter
	page   *prometheus.Registry // nil: no page
	stops  []func(context.Context) error
	told   atomic.Int64 // when something was last said of what goes wrong
}

// Start begins to tell, where the environment says.
func Start(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{logger: cmp.Or(c.Logger, slog.Default())}
	if err := t.start(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("start telemetry: %w", err), t.Stop(ctx))
	}
	return t, nil
}

func (t *Telemetry) start(ctx context.Context, c Config) error {
	traces, metrics := asked("TRACES"), asked("METRICS")
	if !traces && !metrics && !c.Page {
		return nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(t.complain))
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithProcessPID(), resource.WithHost(),
		resource.WithAttributes(attributes(c)...), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return err
	}
	if traces {
		if err := t.trace(ctx, about); err != nil {
			return err
		}
	}
	if !metrics && !c.Page {
		return nil
	}
	return t.measure(ctx, about, metrics, c.Page)
}

func (t *Telemetry) trace(ctx context.Context, about *resource.Resource) error {
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return fmt.Errorf("export traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	t.stops = append(t.stops, provider.Shutdown)
	t.spans = &spans{provider.Tracer(scope, trace.WithSchemaURL(conventions))}
	return nil
}

func (t *Telemetry) measure(ctx context.Context, about *resource.Resource, export, paged bool) error {
	options := []sdkmetric.Option{sdkmetric.WithResource(about)}
	if export {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return fmt.Errorf("export metrics: %w", err)
		}
		options = append(options, sdkmetric.WithReader(reader))
	}
	if paged {
		t.page = prometheus.NewRegistry()
		t.page.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		reader, err := newPage(t.page)
		if err != nil {
			return err
		}
		options = append(options, sdkmetric.WithReader(reader))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	t.stops = append(t.stops, provider.Shutdown)
	t.meter = provider.Meter(scope, metric.WithSchemaURL(conventions))
	var err error
	if t.meters, err = newInstruments(t.meter); err != nil {
		return err
	}
	_, err = t.meter.RegisterCallback(t.observeReady, t.meters.gauges[ready.Name])
	return err
}

// newPage reads the metrics for Prometheus, under the names of [Metric.Prometheus].
func newPage(to prometheus.Registerer) (sdkmetric.Reader, error) {
	return page.New(page.WithRegisterer(to), page.WithTranslationStrategy(naming), page.WithoutScopeInfo())
}

func attributes(c Config) []attribute.KeyValue {
	list := []attribute.KeyValue{semconv.ServiceName(cmp.Or(c.Service, "unwind"))}
	if c.Saga != "" {
		list = append(list, semconv.ServiceNamespace(c.Saga))
	}
	if c.Instance != "" {
		list = append(list, semconv.ServiceInstanceID(c.Instance))
	}
	if c.Version != "" {
		list = append(list, semconv.ServiceVersion(c.Version))
	}
	return list
}

// asked reports whether the environment asks for a signal to be exported. The
// conventions export to a collector on this machine unless they are told not to;
// an agent without one would complain for ever.
func asked(signal string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	if how := os.Getenv("OTEL_" + signal + "_EXPORTER"); how != "" {
		return how != "none"
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

// Observer is to be told of what the agents of this process do.
func (t *Telemetry) Observer() agent.Observer {
	o := observer(t.spans, t.meters)
	count := o.Phase
	o.Phase = func(who agent.Who, p agent.Phase) {
		t.health.set(who, p)
		if count != nil {
			count(who, p)
		}
	}
	return o
}

// A Broker is what is asked of it.
type Broker struct {
	Type      string      // of the sagas
	Connected func() bool // whether the connection is up; nil: it always is
	// Backlogs tells what waits, as [events.Directory] has it; nil: nobody knows.
	Backlogs func(ctx context.Context, typ string) ([]events.Backlog, error)
}

// Watch asks the broker for readiness, and for what waits.
func (t *Telemetry) Watch(b Broker) error {
	t.health.watch(b)
	if t.meters == nil || b.Backlogs == nil {
		return nil
	}
	q := &queue{broker: b, meters: t.meters, complain: t.complain}
	g := t.meters.gauges
	if _, err := t.meter.RegisterCallback(q.observe, g[backlog.Name], g[held.Name], g[listens.Name]); err != nil {
		return fmt.Errorf("watch the backlog of %s: %w", b.Type, err)
	}
	return nil
}

// patience is how long a process that ends tries to tell the last of it.
const patience = 3 * time.Second

// Stop sends what is still to be sent, for up to three seconds.
func (t *Telemetry) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var errs []error
	for _, stop := range t.stops {
		errs = append(errs, stop(ctx))
	}
	t.stops = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop telemetry: %w", err)
	}
	return nil
}

// complain says what goes wrong here, once in a minute: a collector that is away
// is no reason to fill a log.
func (t *Telemetry) complain(err error) {
	now := time.Now().Unix()
	if last := t.told.Load(); now-last >= 60 && t.told.CompareAndSwap(last, now) {
		t.logger.Warn("telemetry", "error", err)
	}
}
