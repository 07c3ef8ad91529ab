package mail

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// line is the one connection of a sending. It is cut when the sending's context
// ends, whatever go-mail is doing with it; and it knows whether it broke, which
// go-mail's errors don't tell.
type line struct {
	ctx    context.Context // of the sending, which is as long as the line's life
	tls    *tls.Config
	conn   net.Conn
	stop   func() bool
	broken atomic.Bool // no connection, cut, or silence; not what was said on it
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		l.broken.Store(true)
		return nil, err
	}
	l.conn = conn
	l.stop = context.AfterFunc(l.ctx, func() { _ = conn.Close() })
	watched := watched{conn, &l.broken}
	if l.tls == nil {
		return watched, nil
	}
	secure := tls.Client(watched, l.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secure, nil
}

// watched is a connection below any TLS: an error here is the line's, one above may
// be a certificate's.
type watched struct {
	net.Conn
	broken *atomic.Bool
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		w.broken.Store(true)
	}
	return n, err
}

func (w watched) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if err != nil {
		w.broken.Store(true)
	}
	return n, err
}

func (l *line) cut() {
	if l.conn != nil {
		l.stop()
		_ = l.conn.Close()
	}
}
