// Package brokertest gives tests a real broker: an embedded one, on a folder
// of its own, reached without a network, gone when the test ends.
//
//	func TestSaga(t *testing.T) {
//		log := brokertest.Open(t)
//		...
//	}
//
// [Run] does the same in virtual time, inside a testing/synctest bubble. Leases,
// timers, deadlines and backoffs then take as long as the computing that they
// cause: an hour takes some 20 ms, 30 days a quarter of a minute, all of it the
// server's own housekeeping.
//
//	func TestDeadline(t *testing.T) {
//		brokertest.Run(t, func(t *testing.T, log *broker.Log) {
//			...
//			time.Sleep(30 * 24 * time.Hour)
//		})
//	}
//
// What is not obvious about a server in a bubble: it has to be made and shut
// down inside (a test's Cleanup functions run inside); its store is a real
// folder, and file operations take no virtual time; and the server's cache has
// a clock of its own for the whole process, which this package starts before
// any bubble, because a ticker that begins in a bubble ends with it and then
// fails in the next.
//
// It is no cluster, and no other server than the one in go.mod: what needs
// three replicas is tested in package broker.
package brokertest

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/broker"
)

func init() { ats.Register() }

// Main runs a package's tests and fails if they leave a goroutine behind. Call
// it from TestMain.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m, IgnoreClock(),
		// In a cluster, the server of 2.15 forgets this one now and then.
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.(*fileStore).flushStreamStateLoop"))
}

// IgnoreClock lets goleak ignore the clock that this package starts.
func IgnoreClock() goleak.Option {
	return goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1")
}

// Open gives a log on a broker of its own.
func Open(t testing.TB) *broker.Log {
	t.Helper()
	return Connect(t, Serve(t), broker.Config{})
}

// idle is how often, in virtual time, those who have nothing to do make sure
// of each other: requests for messages are renewed, connections pinged. None is
// ever lost there, and each renewal costs real time.
const idle = time.Hour

// Run runs a test in a bubble, with a log on a broker of its own.
func Run(t *testing.T, test func(t *testing.T, log *broker.Log)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := ServeAt(t, t.TempDir(), broker.ServerConfig{DontListen: true, Tune: func(o *server.Options) { o.PingInterval = idle }})
		test(t, Connect(t, server, broker.Config{Pull: idle, Options: []nats.Option{nats.PingInterval(idle)}}))
	})
}

// Serve starts a broker that does not listen.
func Serve(t testing.TB) *broker.Server {
	t.Helper()
	return ServeAt(t, t.TempDir(), broker.ServerConfig{DontListen: true})
}

// ServeAt starts a broker on a folder, until the test ends or it is shut down.
func ServeAt(t testing.TB, folder string, c broker.ServerConfig) *broker.Server {
	t.Helper()
	if c.Logger == nil {
		c.Logger = logger(t)
	}
	server, err := broker.Embed(t.Context(), folder, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	return server
}

// Connect connects to a server without a network. Each instance of an agent
// should have a connection of its own, as it has in the world.
func Connect(t testing.TB, server *broker.Server, c broker.Config) *broker.Log {
	t.Helper()
	c.InProcess = server
	if c.Logger == nil {
		c.Logger = logger(t)
	}
	log, err := broker.Connect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return log
}

// logger shows warnings beside the test's own output.
func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
