package telemetry_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/propagation"

	"github.com/unwind-saga/unwind/saga/telemetry"
)

// TestLogHandler: a line says in which trace it was written, if it was in one.
func TestLogHandler(t *testing.T) {
	var b bytes.Buffer
	plain := slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	l := slog.New(telemetry.LogHandler(plain)).With("agent", "scan")
	l.InfoContext(t.Context(), "outside")
	ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": upstream})
	l.InfoContext(ctx, "inside")
	assert.Equal(t, "level=INFO msg=outside agent=scan\n"+
		"level=INFO msg=inside agent=scan trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331\n", b.String())
}
