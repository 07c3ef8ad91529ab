package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

func TestClass(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("charge the card: %w", err) }
	request := func(err error) error { return &url.Error{Op: "Post", URL: "http://pay.test", Err: err} }
	for name, c := range map[string]struct {
		err  error
		want events.Class
	}{
		"a plain error":               {errOops, events.Transient},
		"refused":                     {agent.Refuse("declined", "no"), events.Refused},
		"refused, wrapped":            {wrapped(agent.Refuse("declined", "no")), events.Refused},
		"unavailable":                 {agent.Unavailable("quota", errOops), events.Unavailable},
		"unknown":                     {agent.Unknown(errOops), events.Unknown},
		"retry after":                 {agent.RetryAfter(time.Minute, errOops), events.Transient},
		"a failure without a class":   {&agent.Failure{Err: errOops}, events.Transient},
		"what is said counts":         {agent.Unavailable("", context.DeadlineExceeded), events.Unavailable},
		"the outermost word counts":   {agent.Unknown(wrapped(agent.Refuse("declined", "no"))), events.Unknown},
		"a failure among others":      {errors.Join(errOops, agent.Refuse("declined", "no")), events.Refused},
		"a dead key":                  {agent.ErrDead, events.Unavailable},
		"a dead key, wrapped":         {wrapped(agent.ErrDead), events.Unavailable},
		"time is up":                  {context.DeadlineExceeded, events.Unknown},
		"time is up, wrapped":         {wrapped(request(context.DeadlineExceeded)), events.Unknown},
		"an I/O deadline":             {wrapped(os.ErrDeadlineExceeded), events.Unknown},
		"a net timeout":               {wrapped(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ETIMEDOUT}), events.Unknown},
		"a DNS timeout":               {request(&net.DNSError{IsTimeout: true}), events.Unknown},
		"no such host":                {request(&net.DNSError{IsNotFound: true}), events.Transient},
		"connection refused":          {request(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), events.Transient},
		"connection reset":            {request(&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), events.Unknown},
		"a broken pipe":               {request(&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}), events.Unknown},
		"the answer was cut off":      {wrapped(io.ErrUnexpectedEOF), events.Unknown},
		"there was no answer":         {request(io.EOF), events.Unknown},
		"a file that is not there":    {wrapped(os.ErrNotExist), events.Transient},
		"nothing found is no failure": {agent.ErrNothingFound, events.Transient},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, agent.Class(c.err)) })
	}
}

// As a server behaves that dies in the middle of a call.
func TestClassOfAConnectionThatIsCut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	defer server.Close()
	_, err := server.Client().Post(server.URL, "text/plain", nil)
	require.Error(t, err)
	assert.Equal(t, events.Unknown, agent.Class(err), "%v", err)
}

func TestFailure(t *testing.T) {
	err := agent.Refuse("declined", "card %s: %w", "4242", errOops)
	assert.EqualError(t, err, "card 4242: oops")
	assert.ErrorIs(t, err, errOops)
	var f *agent.Failure
	require.ErrorAs(t, err, &f)
	assert.Equal(t, "declined", f.Code)

	require.ErrorAs(t, agent.RetryAfter(time.Minute, errOops), &f)
	assert.Equal(t, time.Minute, f.RetryAfter)
	require.ErrorAs(t, agent.Unavailable("quota", errOops), &f)
	assert.Equal(t, "quota", f.Code)
	assert.ErrorIs(t, agent.Unknown(errOops), errOops)

	// A failure need not have an error of its own.
	assert.EqualError(t, agent.Unavailable("quota", nil), "quota")
	assert.EqualError(t, agent.Unknown(nil), "unknown")
	assert.EqualError(t, &agent.Failure{}, "transient")
}

func TestFromResponse(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		after  string
		class  events.Class
		wait   time.Duration
	}{
		"429":                        {429, "", events.Transient, 0},
		"429, in seconds":            {429, "7", events.Transient, 7 * time.Second},
		"429, at a date":             {429, "Sat, 01 Jan 2000 00:01:30 GMT", events.Transient, 90 * time.Second},
		"429, at a date that is old": {429, "Fri, 31 Dec 1999 23:00:00 GMT", events.Transient, 0},
		"429, as RFC 850 has it":     {429, "Saturday, 01-Jan-00 00:01:00 GMT", events.Transient, time.Minute},
		"429, below zero":            {429, "-7", events.Transient, 0},
		"429, no time at all":        {429, "soon", events.Transient, 0},
		"503":                        {503, "", events.Transient, 0},
		"503, in seconds":            {503, "120", events.Transient, 2 * time.Minute},
		"503, at a date":             {503, "Sat, 01 Jan 2000 01:00:00 GMT", events.Transient, time.Hour},
		"500, whatever else it says": {500, "7", events.Transient, 0},
		"409":                        {409, "", events.Refused, 0},
		"422":                        {422, "", events.Refused, 0},
		"400":                        {400, "", events.Unavailable, 0},
		"401":                        {401, "", events.Unavailable, 0},
		"403":                        {403, "", events.Unavailable, 0},
		"404":                        {404, "", events.Unavailable, 0},
		"405":                        {405, "", events.Unavailable, 0},
		"501":                        {501, "", events.Unavailable, 0},
		"408":                        {408, "", events.Unknown, 0},
		"504":                        {504, "", events.Unknown, 0},
		"500":                        {500, "", events.Transient, 0},
		"502":                        {502, "", events.Transient, 0},
		"418":                        {418, "", events.Transient, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where a bubble begins, it is 2000
				w := httptest.NewRecorder()
				if c.after != "" {
					w.Header().Set("retry-after", c.after)
				}
				w.WriteHeader(c.status)
				err := agent.FromResponse(w.Result())
				var f *agent.Failure
				require.ErrorAs(t, err, &f)
				assert.Equal(t, c.class, f.Class)
				assert.Equal(t, c.class, agent.Class(err))
				assert.Equal(t, c.wait, f.RetryAfter)
				assert.Equal(t, fmt.Sprintf("http_%d", c.status), f.Code)
				assert.EqualError(t, err, fmt.Sprintf("the server answered %d %s", c.status, http.StatusText(c.status)))
			})
		})
	}
	for _, status := range []int{200, 201, 202, 204} {
		w := httptest.NewRecorder()
		w.WriteHeader(status)
		assert.NoError(t, agent.FromResponse(w.Result()), status)
	}
}

// The host stands in the error, not the query: a token may be in it.
func TestFromResponseNamesTheHost(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	res, err := server.Client().Get(server.URL + "/cards?token=secret")
	require.NoError(t, err)
	defer res.Body.Close()
	assert.EqualError(t, agent.FromResponse(res), server.Listener.Addr().String()+" answered 404 Not Found")
}
