package sidecar

import (
	"net"
	"testing"
)

// While a call is being handed to the kernel, the program may have it already: who gives
// up at that moment must not say that nothing was sent.
func TestACallOnItsWayCountsAsSent(t *testing.T) {
	ours, theirs := net.Pipe() // a write returns when all was read
	defer theirs.Close()
	c := &counted{Conn: ours}
	var call try
	call.connection.Store(c)
	if call.sent() {
		t.Fatal("nothing was written yet")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = c.Write([]byte("POST"))
	}()
	if _, err := theirs.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if !call.sent() {
		t.Error("the program has a part of the call, and nothing was sent")
	}
	_ = ours.Close()
	<-done
}
