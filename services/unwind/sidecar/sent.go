package sidecar

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// A try at sending a call knows whether anything of it left: a program that was sent
// nothing has done nothing, however the try ended.
type try struct {
	connection atomic.Pointer[counted] // that it was to go over; nil: there was none
	before     int64                   // bytes that had gone over it by then: a handshake
}

// counted is a connection that counts what is written to it.
type counted struct {
	net.Conn
	bytes atomic.Int64
}

// Write counts before it writes: who gives a call up just now, must not take for unsent
// what is on its way.
func (c *counted) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n - len(p)))
	return n, err
}

func (t *try) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		raw := info.Conn
		if secured, ok := raw.(*tls.Conn); ok { // its handshake is over
			raw = secured.NetConn()
		}
		c := raw.(*counted) // there is no other way to dial
		t.before = c.bytes.Load()
		t.connection.Store(c)
	}}
}

// sent reports whether anything left.
func (t *try) sent() bool {
	c := t.connection.Load()
	return c != nil && c.bytes.Load() > t.before
}
