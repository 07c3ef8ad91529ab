package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
)

// BenchmarkResults runs sagas of three steps, one after the other and side by
// side, whose results have a size; each step reads that of the step before it.
func BenchmarkResults(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10, 5 << 20} {
		for _, lanes := range []int{1, 16} {
			b.Run(fmt.Sprintf("KiB=%d/sagas=%d", size>>10, lanes), func(b *testing.B) { results(b, size, lanes) })
		}
	}
}

func results(b *testing.B, size, lanes int) {
	server := brokertest.Serve(b)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer func() { stop(); running.Wait() }()
	quiet := agent.Options{Logger: slog.New(slog.DiscardHandler)}
	for i, name := range []string{"first", "second", "third"} {
		cfg := config.Config{Saga: "bench", Agent: name, Concurrency: 16, Final: i == 2}
		before := []string{"", "first", "second"}[i]
		if before != "" {
			cfg.After = []string{before}
		}
		log := brokertest.Connect(b, server, broker.Config{})
		running.Go(func() {
			err := quiet.Run(ctx, log, cfg, agent.Handler{Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
				var read json.RawMessage
				if before != "" {
					if err := t.Result(before, &read); err != nil {
						return agent.Result{}, err
					}
				}
				return agent.Result{Data: noise(size)}, nil
			}})
			if err != nil {
				b.Error(err)
			}
		})
	}
	log := brokertest.Connect(b, server, broker.Config{})
	require.NoError(b, log.Ensure(ctx, "bench"))
	perform := func(id string) time.Duration {
		began := time.Now()
		_, err := client.Submit(ctx, log, "bench", id, []byte(`{}`), "bench")
		require.NoError(b, err)
		state, err := client.Wait(ctx, log, "bench", id)
		require.NoError(b, err)
		require.Equal(b, saga.Completed, state.Status())
		return time.Since(began)
	}
	perform("warm")
	var mu sync.Mutex
	var took []time.Duration
	ids := make(chan int)
	b.ResetTimer()
	var all sync.WaitGroup
	for range lanes {
		all.Go(func() {
			for id := range ids {
				d := perform(fmt.Sprint(id))
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	for id := range b.N {
		ids <- id
	}
	close(ids)
	all.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sagas/s")
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
}

// noise is a text of a size that is like no other.
func noise(size int) string {
	word := fmt.Sprintf("%016x", rand.Uint64())
	return strings.Repeat(word, size/len(word))
}
