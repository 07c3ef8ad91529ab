package host_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/telemetry"
)

// BenchmarkTelemetry runs sagas of three steps that do nothing, all at once, on an
// embedded broker: with nobody who watches, with an observer that does nothing,
// with the page, and with the page and traces that are exported. The broker, the
// agents, the upstream and the collector are all in this process.
func BenchmarkTelemetry(b *testing.B) {
	hole := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(hole.Close)
	start := func(b *testing.B, c telemetry.Config) []agent.Observer {
		tel, err := telemetry.Start(b.Context(), c)
		require.NoError(b, err)
		b.Cleanup(func() { _ = tel.Stop(context.Background()) })
		return []agent.Observer{tel.Observer()}
	}
	for _, c := range []struct {
		name  string
		watch func(b *testing.B) []agent.Observer
	}{
		{"off", func(*testing.B) []agent.Observer { return nil }},
		{"seam", func(*testing.B) []agent.Observer { return []agent.Observer{{}} }},
		{"page", func(b *testing.B) []agent.Observer { return start(b, telemetry.Config{Page: true}) }},
		{"page+traces", func(b *testing.B) []agent.Observer {
			b.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", hole.URL)
			return start(b, telemetry.Config{Page: true})
		}},
		{"page+traces, one in a hundred", func(b *testing.B) []agent.Observer {
			b.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", hole.URL)
			b.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
			b.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.01")
			return start(b, telemetry.Config{Page: true})
		}},
	} {
		b.Run(c.name, func(b *testing.B) { through(b, c.watch(b)) })
	}
}

func through(b *testing.B, observers []agent.Observer) {
	server := brokertest.Serve(b)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer func() { stop(); running.Wait() }()
	log := brokertest.Connect(b, server, broker.Config{})
	require.NoError(b, log.Ensure(ctx, "bench"))
	for i, name := range []string{"first", "second", "third"} {
		cfg := config.Config{Saga: "bench", Agent: name, Concurrency: 16, Final: i == 2}
		if i > 0 {
			cfg.After = []string{[]string{"first", "second"}[i-1]}
		}
		of := brokertest.Connect(b, server, broker.Config{})
		o := agent.Options{Logger: slog.New(slog.DiscardHandler), Observers: observers}
		running.Go(func() {
			if err := o.Run(ctx, of, cfg, agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) {
				return agent.Result{Data: "done"}, nil
			}}); err != nil {
				b.Error(err)
			}
		})
	}
	_, err := client.Submit(ctx, log, "bench", "warm", []byte(`{}`), "bench")
	require.NoError(b, err)
	_, err = client.Wait(ctx, log, "bench", "warm")
	require.NoError(b, err)
	began, used := time.Now(), processor()
	b.ResetTimer()
	go func() {
		for id := range b.N {
			if _, err := client.Submit(ctx, log, "bench", fmt.Sprint(id), []byte(`{}`), "bench"); err != nil {
				b.Error(err)
			}
		}
	}()
	ended := 0
	errAll := errors.New("all")
	err = log.Follow(ctx, "bench", "", 0, func(e events.Event) error {
		if e.Subject.Kind == events.SagaCompleted && e.Subject.ID != "warm" {
			if ended++; ended == b.N {
				return errAll
			}
		}
		return nil
	})
	require.ErrorIs(b, err, errAll)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "sagas/s")
	b.ReportMetric(float64((processor()-used).Microseconds())/float64(b.N), "cpu-µs/saga")
}

// processor is the processor's time that this program has used: where others use
// the machine too, that says more than the clock.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
