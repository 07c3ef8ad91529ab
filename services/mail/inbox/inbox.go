package inbox

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Inbox is a running server.
type Inbox struct {
	addr     string
	listener net.Listener
	server   *smtp.Server
	config   Config
	faults   faults
	served   chan error
	closed   chan struct{}

	mu       sync.Mutex
	messages []Message
}

// Config is what may be asked of clients; the zero value asks nothing.
type Config struct {
	TLS      *tls.Config // offer STARTTLS
	Implicit bool        // speak TLS from the first byte
	Username string      // demand this sign-in
	Password string
}

// Start listens on addr: "127.0.0.1:0" for any free port of loopback, which is
// also what an empty addr means.
func Start(addr string, config Config) (*Inbox, error) {
	l, err := net.Listen("tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("start inbox: %w", err)
	}
	b := &Inbox{addr: l.Addr().String(), listener: l, config: config, served: make(chan error, 1), closed: make(chan struct{})}
	b.server = smtp.NewServer(smtp.BackendFunc(b.session))
	b.server.Domain = "inbox.localhost"
	b.server.ReadTimeout, b.server.WriteTimeout = time.Minute, time.Minute
	b.server.MaxMessageBytes = 10 << 20
	b.server.MaxRecipients = 50
	b.server.AllowInsecureAuth = true
	b.server.EnableSMTPUTF8 = true
	b.server.ErrorLog = quiet{}
	b.server.TLSConfig = config.TLS
	l = door{l, &b.faults}
	if config.Implicit {
		l = tls.NewListener(l, config.TLS)
	}
	go func() { b.served <- b.server.Serve(l) }()
	return b, nil
}

// Addr is host and port.
func (b *Inbox) Addr() string { return b.addr }

// Close ends all conversations and waits for the server.
func (b *Inbox) Close() error {
	close(b.closed)
	_ = b.listener.Close() // the server may not have taken it yet
	err := b.server.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if served := <-b.served; !errors.Is(served, smtp.ErrServerClosed) && !errors.Is(served, net.ErrClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Fail sets what is to fail from now on.
func (b *Inbox) Fail(f Fault) error { return b.faults.put(f) }

// Messages returns what came, the oldest first.
func (b *Inbox) Messages() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.messages)
}

// Clear forgets all messages.
func (b *Inbox) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = nil
}

func (b *Inbox) keep(m Message) {
	m.At = time.Now()
	m.read()
	b.mu.Lock()
	defer b.mu.Unlock()
	m.Number = len(b.messages) + 1
	b.messages = append(b.messages, m)
}

// door turns connections away before the server sees them, where that is the
// fault.
type door struct {
	net.Listener
	faults *faults
}

func (d door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		switch d.faults.strike(Down, Busy) {
		case Busy:
			_, _ = c.Write([]byte("421 4.3.2 Too busy, come back later\r\n"))
			_ = c.Close()
		case Down:
			_ = c.Close()
		default:
			return c, nil
		}
	}
}

// quiet drops the library's log: connections that are cut are what is tested.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
