package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"

	"github.com/unwind-saga/unwind/events"
)

// A Config says where the broker is, and how to talk to it. Its zero value is
// the server that $NATS_URL names, else the one on this machine.
//
// Of InProcess, Context and URL the first that is given counts.
type Config struct {
	InProcess nats.InProcessConnProvider // a [Server] of this program
	Context   string                     // a context of the nats tool, by name or by the absolute path of its file
	URL       string                     // one or several, with commas; default $NATS_URL, else nats://127.0.0.1:4222
	Creds     string                     // a credentials file
	TLS       *tls.Config                // default: what the URL's scheme says
	Name      string                     // under which the broker lists the connection; default "unwind"
	Options   []nats.Option              // whatever else; the last word

	Domain   string // of JetStream; default none, or the context's
	Replicas int    // of each stream that Ensure makes, and the least it accepts; default 1, and any

	// Pull is how long a request for messages stands at the broker before it
	// is made anew. One that was lost is missed after Pull and a little more;
	// until then what it would have brought waits. Default 1.7 s. Longer makes
	// idle consumers cheaper.
	Pull time.Duration

	Logger *slog.Logger // default [slog.Default]
}

// DefaultURL is the server on this machine.
const DefaultURL = nats.DefaultURL

// A Log is an [events.Log] in JetStream. It is safe for concurrent use.
type Log struct {
	nc       *nats.Conn
	api      string // prefix of JetStream's API
	replicas int
	pull     time.Duration
	log      *slog.Logger
	calls    calls
	foreign  seen // streams in which something was found that is no event
	closed   chan struct{}
}

var _ events.Log = (*Log)(nil)

// Connect connects to a broker. While none answers it goes on trying until ctx
// is done; what will not get better by waiting is an error at once.
func Connect(ctx context.Context, c Config) (*Log, error) {
	l := &Log{
		api: "$JS.API.", replicas: c.Replicas, pull: c.Pull,
		log: orDefault(c.Logger), closed: make(chan struct{}),
	}
	if l.pull <= 0 {
		l.pull = 1700 * time.Millisecond
	}
	var pause backoff
	for waited := false; ; waited = true {
		err := l.dial(c)
		switch {
		case err == nil && waited:
			l.log.Info("connected to the broker", "broker", l.nc.ConnectedUrlRedacted())
			return l, nil
		case err == nil:
			return l, nil
		case !absent(err):
			return nil, fmt.Errorf("connect to the broker at %s: %w%s", c.where(), err, hint(err))
		case !waited:
			l.log.Warn("no broker answers yet, trying on", "broker", c.where(), "error", err)
		}
		if done := pause.wait(ctx); done != nil {
			return nil, fmt.Errorf("connect to the broker at %s: %w (%v)\nhint: is it running? `unwind dev` starts one on this machine",
				c.where(), done, err)
		}
	}
}

// dial tries once.
func (l *Log) dial(c Config) (err error) {
	options := l.options(c)
	switch {
	case c.InProcess != nil:
		l.nc, err = nats.Connect("", append(options, nats.InProcessServer(c.InProcess))...)
	case c.Context != "":
		var settings natscontext.Settings
		l.nc, settings, err = natscontext.Connect(c.Context, options...)
		if settings.JSAPIPrefix != "" {
			l.api = settings.JSAPIPrefix + "."
		} else if c.Domain == "" {
			c.Domain = settings.JSDomain
		}
	default:
		l.nc, err = nats.Connect(c.url(), options...)
	}
	if c.Domain != "" {
		l.api = "$JS." + c.Domain + ".API."
	}
	return err
}

func (l *Log) options(c Config) []nats.Option {
	options := []nats.Option{
		nats.Name(cmp.Or(c.Name, "unwind")),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		// A certificate or an account that is being replaced is no reason to
		// give up for ever.
		nats.IgnoreAuthErrorAbort(),
		// A cable that was pulled is noticed within a minute, not four.
		nats.PingInterval(20 * time.Second),
		nats.DisconnectErrHandler(l.lost),
		nats.ReconnectHandler(l.back),
		nats.ErrorHandler(l.complain),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
	}
	if c.Creds != "" {
		options = append(options, nats.UserCredentials(c.Creds))
	}
	if c.TLS != nil {
		options = append(options, nats.Secure(c.TLS))
	}
	return append(options, c.Options...)
}

// where says which broker is meant, without a password.
func (c Config) where() string {
	switch {
	case c.InProcess != nil:
		return "this program"
	case c.Context != "":
		return fmt.Sprintf("context %q", c.Context)
	default:
		servers := strings.Split(c.url(), ",")
		for i, s := range servers {
			if u, err := url.Parse(strings.TrimSpace(s)); err == nil {
				servers[i] = u.Redacted()
			}
		}
		return strings.Join(servers, ",")
	}
}

func (c Config) url() string { return cmp.Or(c.URL, os.Getenv("NATS_URL"), DefaultURL) }

// absent reports whether a broker may yet appear where none was found.
func absent(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	_, dial := errors.AsType[*net.OpError](err)
	return dial || errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, nats.ErrConnectionClosed) || strings.Contains(err.Error(), "EOF")
}

func hint(err error) string {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return "\nhint: give a user and password in the URL, or a credentials file, or a context of the nats tool"
	case errors.Is(err, os.ErrNotExist):
		return "\nhint: is the path of the credentials right?"
	case strings.Contains(err.Error(), "unknown context"):
		return "\nhint: `nats context ls` lists the contexts"
	case strings.Contains(err.Error(), "certificate"):
		return "\nhint: give the file of the authority that signed it"
	}
	return ""
}

// Conn is the connection, for whoever needs more than a Log: the archiver, a
// status page.
func (l *Log) Conn() *nats.Conn { return l.nc }

// Close sends what is still to be sent and ends the connection. It waits for
// no Consume and no Follow: end their contexts first.
func (l *Log) Close() {
	l.flush()
	l.nc.Close()
	<-l.closed
}

// flush waits until the broker has heard what was said so far.
func (l *Log) flush() {
	if l.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = l.nc.FlushWithContext(ctx)
	}
}

func (l *Log) lost(_ *nats.Conn, err error) {
	if err != nil { // else it was closed by us
		l.log.Warn("the connection to the broker is lost, trying on until it is back", "error", err)
	}
}

func (l *Log) back(nc *nats.Conn) {
	l.log.Info("the connection to the broker is back", "broker", nc.ConnectedUrlRedacted())
	l.calls.cut() // what was asked before may never be answered
}

// complain hears what the broker says without being asked.
func (l *Log) complain(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) && l.calls.deny(err) {
		return // whoever called tells
	}
	l.log.Warn("the broker complains", "error", err)
}
