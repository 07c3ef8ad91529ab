package telemetry

import (
	"fmt"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
)

// naming is how names become Prometheus's: dots become underscores, units and
// _total are added. Every Prometheus and every Grafana can read them.
var naming = otlptranslator.UnderscoreEscapingWithSuffixes

// Prometheus is the metric's name there. A histogram's series have _bucket, _count
// and _sum behind it.
func (m Metric) Prometheus() string {
	kind := map[Kind]otlptranslator.MetricType{
		Counter:   otlptranslator.MetricTypeMonotonicCounter,
		UpDown:    otlptranslator.MetricTypeNonMonotonicCounter,
		Gauge:     otlptranslator.MetricTypeGauge,
		Histogram: otlptranslator.MetricTypeHistogram,
	}[m.Kind]
	namer := otlptranslator.NewMetricNamer("", naming)
	name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kind})
	if err != nil {
		panic(fmt.Sprintf("metric %s: %v", m.Name, err)) // the table above is wrong
	}
	return name
}

// Label is an attribute's name there.
func Label(k attribute.Key) string {
	name, err := (&otlptranslator.LabelNamer{}).Build(string(k))
	if err != nil {
		panic(fmt.Sprintf("attribute %s: %v", k, err))
	}
	return name
}
