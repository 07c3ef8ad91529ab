package broker_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// BenchmarkAppend is of guarded events, by 1 and by 64 writers, with the two
// ways to sync.
func BenchmarkAppend(b *testing.B) {
	for _, always := range []bool{false, true} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("always=%v/writers=%d", always, writers), func(b *testing.B) {
				log := brokertest.Connect(b, brokertest.ServeAt(b, b.TempDir(), broker.ServerConfig{SyncAlways: always}), broker.Config{})
				ensure(b, log)
				var n atomic.Int64
				b.SetParallelism(writers)
				b.RunParallel(func(each *testing.PB) {
					for each.Next() {
						write(b, log, started(fmt.Sprint(n.Add(1))))
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// BenchmarkHistory reads one saga of ten events among many sagas.
func BenchmarkHistory(b *testing.B) {
	log := brokertest.Open(b)
	ensure(b, log)
	js := jetStream(b, log)
	const sagas = 10_000
	for i := range sagas {
		for n := range 10 {
			if _, err := js.PublishAsync(fmt.Sprintf("saga.kyc.step-%d.completed.%d", n, i), []byte(`{}`)); err != nil {
				b.Fatal(err)
			}
		}
	}
	<-js.PublishAsyncComplete()
	for b.Loop() {
		if h, err := log.History(b.Context(), typ, "77", 1); err != nil || len(h) != 10 {
			b.Fatal(len(h), err)
		}
	}
}

// BenchmarkConsume is of tasks that are acknowledged at once.
func BenchmarkConsume(b *testing.B) {
	for _, concurrency := range []int{1, 16} {
		b.Run(fmt.Sprintf("concurrency=%d", concurrency), func(b *testing.B) {
			log := brokertest.Open(b)
			ensure(b, log)
			js := jetStream(b, log)
			for i := range b.N {
				if _, err := js.PublishAsync(task(fmt.Sprint(i)).String(), []byte(`{}`)); err != nil {
					b.Fatal(err)
				}
			}
			<-js.PublishAsyncComplete()
			got := make(chan events.Delivery, b.N)
			c := tasks("c")
			c.Concurrency = concurrency
			b.ResetTimer()
			consume(b, log, c, acked(b, got))
			for range b.N {
				<-got
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkLateness is how much later than due timers come.
func BenchmarkLateness(b *testing.B) {
	log := brokertest.Open(b)
	ensure(b, log)
	got := make(chan events.Delivery, 200)
	consume(b, log, timers("kyc_agent"), acked(b, got))
	var late []time.Duration
	for b.Loop() {
		due := map[string]time.Time{}
		for i := range 200 {
			at := time.Now().Add(500*time.Millisecond + time.Duration(i)*7*time.Millisecond)
			due[fmt.Sprint(i)] = at
			setTimer(b, log, timer(fmt.Sprint(i), at))
		}
		for range 200 {
			d := <-got
			late = append(late, time.Since(due[d.Timer.ID]))
		}
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)/2].Milliseconds()), "median-ms")
	b.ReportMetric(float64(late[len(late)-1].Milliseconds()), "worst-ms")
}
