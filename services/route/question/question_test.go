package question_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route/question"
)

// No failure is of unknown outcome, whatever happened: a question leaves nothing.
// And none has the address in it.
func TestFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		class   events.Class
		code    string
	}{
		"a timeout": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, events.Transient, "timeout"},
		"no answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, events.Transient, "cut"},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("half"))
		}, events.Transient, "cut"},
		"an endless one": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 4<<20+1)) }, events.Transient, "garbage"},
		"a redirection":  {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, events.Unavailable, "http_302"},
		"a gateway":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }, events.Transient, "http_504"},
		"no key":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, events.Unavailable, "http_401"},
		"nothing":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, events.Transient, "garbage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			t.Cleanup(server.Close)
			patience := time.Minute
			if tc.code == "timeout" {
				patience = 100 * time.Millisecond
			}
			res, err := question.Client(patience).Get(server.URL + "/?key=secret")
			if err == nil {
				_ = res.Body.Close()
			}
			require.Error(t, err)
			err = question.Failure(err)
			assert.Equal(t, tc.class, agent.Class(err), "%v", err)
			f, ok := errors.AsType[*agent.Failure](err)
			require.True(t, ok)
			assert.Equal(t, tc.code, f.Code, "%v", err)
			assert.NotContains(t, err.Error(), "secret")
			assert.NotContains(t, err.Error(), strings.TrimPrefix(server.URL, "http://")+"/", "no address")
		})
	}
	require.NoError(t, question.Failure(nil))
}

func TestFailureOfOthers(t *testing.T) {
	for err, code := range map[error]string{
		fmt.Errorf("a call: %w", context.DeadlineExceeded): "timeout",
		errors.New("unexpected character"):                 "garbage",
	} {
		f, ok := errors.AsType[*agent.Failure](question.Failure(err))
		require.True(t, ok)
		assert.Equal(t, code, f.Code)
		assert.Equal(t, events.Transient, f.Class)
	}
	said := agent.Refuse("x", "no")
	assert.Equal(t, said, question.Failure(said), "who has said it keeps the word")
}
