package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A ServerConfig says how an embedded server runs. Its zero value listens on
// a free port of the loopback interface, and syncs every two minutes.
type ServerConfig struct {
	Host       string // default 127.0.0.1
	Port       int    // default (and -1) any free port
	DontListen bool   // no port at all: only connections from inside the program

	// SyncAlways makes an acknowledged event survive a power loss, at a tenth
	// of the speed or less. Otherwise what was acknowledged in the last
	// SyncInterval (default two minutes) may be lost with the power, though
	// not with the process.
	SyncAlways   bool
	SyncInterval time.Duration

	MaxPayload     int32 // of a message, in bytes; default 1 MiB
	MaxStore       int64 // of all streams, in bytes; default three quarters of what is free
	NoSublistCache bool  // for many subjects that are seen once: less memory, slower routing

	Logger *slog.Logger // default [slog.Default]

	// Tune has the last word on the server's options: clusters, accounts,
	// TLS, monitoring. It may be nil.
	Tune func(*server.Options)
}

// A Server is a NATS server with JetStream inside this program. It is the only
// one on its folder: JetStream itself takes no lock, and two servers on one
// folder both accept the same once-only subject.
type Server struct {
	nats    *server.Server
	lock    *lock
	started chan struct{} // closed when the start is over, well or badly
	once    sync.Once
}

// startPatience is how long a store may take to be read before the start is
// given up. A folder on a dead network drive must be an error, not a hang.
const startPatience = time.Minute

// Embed starts a server that keeps its streams under a folder, which is made
// if need be. It installs no signal handlers: whoever embeds also calls
// [Server.Shutdown].
func Embed(ctx context.Context, folder string, c ServerConfig) (*Server, error) {
	s, err := embed(ctx, folder, c)
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker on %q: %w", folder, err)
	}
	return s, nil
}

func embed(ctx context.Context, folder string, c ServerConfig) (*Server, error) {
	if err := probe(folder); err != nil {
		return nil, err
	}
	held, err := acquire(folder)
	if err != nil {
		return nil, err
	}
	logger := &serverLogger{to: orDefault(c.Logger)}
	ns, err := server.NewServer(c.options(folder))
	if err != nil {
		held.release()
		return nil, err
	}
	ns.SetLoggerV2(logger, false, false, false)
	s := &Server{nats: ns, lock: held, started: make(chan struct{})}
	if err := s.start(ctx, logger); err != nil {
		select {
		case <-s.started:
			s.Shutdown()
		default:
			// It may hang in the drive. The lock stays until it comes back: a
			// start that is given up still has its hands on the store.
			go s.Shutdown()
		}
		return nil, err
	}
	return s, nil
}

func (c ServerConfig) options(folder string) *server.Options {
	o := &server.Options{
		Host: c.Host, Port: c.Port, DontListen: c.DontListen,
		JetStream: true, StoreDir: folder, JetStreamMaxStore: c.MaxStore,
		SyncAlways: c.SyncAlways, SyncInterval: c.SyncInterval,
		MaxPayload: c.MaxPayload, NoSublistCache: c.NoSublistCache,
		NoSigs: true, DisableJetStreamBanner: true,
		ServerName: "unwind",
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if c.Tune != nil {
		c.Tune(o)
	}
	return o
}

// start waits until the server takes connections, or has said why it can't. A
// server that embeds no signal handler and no exit reports a fatal error to
// its log alone, and returns.
func (s *Server) start(ctx context.Context, logger *serverLogger) error {
	go func() {
		defer close(s.started)
		s.nats.Start()
	}()
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case <-s.started:
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return fmt.Errorf("it is not ready after %v\nhint: is the folder on a drive that answers?", startPatience)
	}
	switch {
	case logger.fatal() != "":
		return errors.New(logger.fatal())
	case !s.nats.ReadyForConnections(10 * time.Second):
		if why := logger.fatal(); why != "" {
			return errors.New(why)
		}
		return errors.New("it takes no connections")
	case !s.nats.JetStreamEnabled():
		return errors.New("JetStream did not start")
	}
	return nil
}

// ClientURL is where clients connect; empty if the server doesn't listen.
func (s *Server) ClientURL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// InProcessConn makes a connection that touches no network. It is for
// [Config.InProcess] and [nats.InProcessServer].
//
// [nats.InProcessServer]: https://pkg.go.dev/github.com/nats-io/nats.go#InProcessServer
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Shutdown stops the server, waits until it has, and releases the folder. It
// may be called more than once.
func (s *Server) Shutdown() {
	s.once.Do(func() {
		<-s.started
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
		s.lock.release()
	})
}

// probe checks that a folder can be made and written, and has room: JetStream
// finds out later, one stream at a time, and says less.
func probe(folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	name := filepath.Join(folder, fmt.Sprintf(".unwind-probe-%d", os.Getpid()))
	defer os.Remove(name)
	if err := os.WriteFile(name, make([]byte, 64<<10), 0o600); err != nil {
		return fmt.Errorf("write to the folder: %w\nhint: is it writable for this user, and is there room on the drive?", err)
	}
	return nil
}

func orDefault(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}
