//go:build unix

package sidecar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/sidecar"
)

var task = agent.Task{
	Type: "kyc", ID: "order-1", Step: "scan", Agent: "scan", Attempt: 2, Key: "kyc/order-1/scan/scan",
	Payload: json.RawMessage(`{"name":"Ada"}`), Results: map[string]json.RawMessage{"mrz": json.RawMessage(`{"ok":true}`), "mute": nil},
	Deadline: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
}

var undo = agent.Undo{
	Type: "kyc", ID: "order-1", Step: "scan", Agent: "scan", Attempt: 2, Key: "kyc/order-1/scan/scan/undo", Of: "kyc/order-1/scan/scan",
	Reason: events.ReasonFailed, Token: json.RawMessage(`{"row":7}`),
}

// told is what came of a call, in one line.
func told(r agent.Result, err error) string {
	var f *agent.Failure
	switch {
	case errors.Is(err, agent.ErrDead), errors.Is(err, agent.ErrNothingFound):
		return err.Error()
	case errors.As(err, &f):
		text := fmt.Sprintf("%s %s", agent.Class(err), f.Code)
		if f.RetryAfter > 0 {
			text += " after " + f.RetryAfter.String()
		}
		return text
	case err != nil:
		return fmt.Sprintf("%s: %v", agent.Class(err), err)
	case r.Pending != nil:
		return fmt.Sprintf("pending %+v", *r.Pending)
	}
	text := "done"
	if r.Data != nil {
		text += fmt.Sprintf(" %s", r.Data)
	}
	if r.Undo != nil {
		text += fmt.Sprintf(" undo %s", r.Undo)
	}
	return text
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAnswersOverHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string // a Retry-After
		body   string
		want   string
		undone string // of the same answer to an undoing
	}{
		"done":                {200, "", `{"outcome": "completed", "data": {"a": 1}, "undo": 7}`, `done {"a": 1} undo 7`, "done"},
		"plain":               {201, "", ` {"a": 1} `, `done {"a": 1}`, "done"},
		"a number":            {200, "", `42`, "done 42", "done"},
		"empty":               {204, "", ``, "done", "done"},
		"null data":           {200, "", `{"outcome": "completed", "data": null}`, "done", "done"},
		"no JSON":             {200, "", `<html>`, "unknown bad_answer", "unknown bad_answer"},
		"garbled":             {200, "", `{"outcome": "completed", "undo": `, "unknown bad_answer", "unknown bad_answer"},
		"an outcome of none":  {200, "", `{"outcome": "done"}`, "unknown bad_answer", "unknown bad_answer"},
		"a number as outcome": {200, "", `{"outcome": 3}`, `done {"outcome": 3}`, "done"},
		"a bad pause":         {200, "", `{"outcome": "retry", "error": {"retry_after": "soon"}}`, "unknown bad_answer", "unknown bad_answer"},
		"refused":             {200, "", `{"outcome": "refused", "error": {"code": "expired", "message": "it has expired"}}`, "refused expired", "refused expired"},
		"refused with a code": {422, "", `{"outcome": "refused", "error": {"code": "expired"}}`, "refused expired", "refused expired"},
		"retry":               {200, "", `{"outcome": "retry", "error": {"code": "busy", "retry_after": 1.5}}`, "transient busy after 1.5s", "transient busy after 1.5s"},
		"retry in words":      {503, "", `{"outcome": "retry", "error": {"code": "busy", "retry_after": "2m"}}`, "transient busy after 2m0s", "transient busy after 2m0s"},
		"unavailable":         {200, "", `{"outcome": "unavailable", "error": {"code": "quota"}}`, "unavailable quota", "unavailable quota"},
		"unknown":             {200, "", `{"outcome": "unknown"}`, "unknown ", "unknown "},
		"dead":                {200, "", `{"outcome": "dead"}`, "this key was compensated", "this key was compensated"},
		"pending":             {202, "", ``, "pending {For:the program's outcome Person:false Question: Within:0s}", "transient http_202"},
		"pending in words": {
			200, "", `{"outcome": "pending", "pending": {"for": "the scan", "within": "1h", "person": true, "question": "is it Ada?"}}`,
			"pending {For:the scan Person:true Question:is it Ada? Within:1h0m0s}", "unknown bad_answer",
		},
		"nothing found":                          {200, "", `{"outcome": "nothing"}`, "unknown bad_answer", "nothing to undo"},
		"409":                                    {409, "", `no`, "refused http_409", "refused http_409"},
		"429":                                    {429, "3", ``, "transient http_429 after 3s", "transient http_429 after 3s"},
		"503":                                    {503, "4", ``, "transient http_503 after 4s", "transient http_503 after 4s"},
		"500":                                    {500, "", ``, "transient http_500", "transient http_500"},
		"504":                                    {504, "", ``, "unknown http_504", "unknown http_504"},
		"401":                                    {401, "", ``, "unavailable http_401", "unavailable http_401"},
		"404":                                    {404, "", ``, "unavailable http_404", "nothing to undo"},
		"410":                                    {410, "", ``, "this key was compensated", "nothing to undo"},
		"retry, after what the status says":      {503, "5", `{"outcome": "retry", "error": {"code": "busy"}}`, "transient busy after 5s", "transient busy after 5s"},
		"a status with words of its own":         {422, "", `{"error": {"code": "expired", "message": "it has"}}`, "refused expired", "refused expired"},
		"a status with an outcome of its own":    {500, "", `{"outcome": "error"}`, "transient http_500", "transient http_500"},
		"a status with an answer that is broken": {503, "6", `{"outcome": "retry", "error": {"retry_after": "soon"}}`, "transient http_503 after 6s", "transient http_503 after 6s"},
		"no UTF-8":                               {200, "", "\"\xff\"", "unknown bad_answer", "unknown bad_answer"},
		"a long code":                            {200, "", `{"outcome": "refused", "error": {"code": "` + strings.Repeat("x", 5<<20) + `"}}`, "refused " + strings.Repeat("x", 64), "refused " + strings.Repeat("x", 64)},
		"a redirection":                          {302, "", ``, "unavailable http_302", "unavailable http_302"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				if c.status == 302 {
					w.Header().Set("Location", "http://127.0.0.1:1/")
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer s.Close()
			p := sidecar.Program{Outside: config.Outside{HTTP: s.URL}}
			require.Equal(t, c.want, told(p.Perform()(within(t), task)))
			require.Equal(t, c.undone, told(agent.Result{}, p.Compensate()(within(t), undo)))
		})
	}
}

func TestTheCallOverHTTP(t *testing.T) {
	var got *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer s.Close()
	p := sidecar.Program{Outside: config.Outside{HTTP: s.URL + "/perform"}}
	_, err := p.Perform()(within(t), task)
	require.NoError(t, err)
	require.Equal(t, http.MethodPost, got.Method)
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-type": "dev.unwind.perform", "ce-id": "kyc/order-1/scan/scan#2", "ce-source": "/unwind/kyc/scan",
		"ce-subject": "order-1", "ce-sagatype": "kyc", "ce-step": "scan", "ce-agent": "scan", "ce-attempt": "2",
		"Idempotency-Key": "kyc/order-1/scan/scan", "Unwind-Deadline": "2030-01-02T03:04:05Z", "Content-Type": "application/json",
	} {
		require.Equal(t, want, got.Header.Get(name), name)
	}
	left, err := strconv.ParseFloat(got.Header.Get("Unwind-Time-Left"), 64)
	require.NoError(t, err)
	require.InDelta(t, 10, left, 1)
	require.JSONEq(t, `{"task": {"name":"Ada"}, "results": {"mrz": {"ok":true}, "mute": null}}`, string(body))

	require.NoError(t, p.Compensate()(within(t), undo))
	require.Equal(t, "dev.unwind.compensate", got.Header.Get("ce-type"))
	require.Equal(t, "kyc/order-1/scan/scan/undo", got.Header.Get("Idempotency-Key"))
	require.JSONEq(t, `{"reason": "failed", "attempt": 2, "of": "kyc/order-1/scan/scan", "undo": {"row":7}}`, string(body))
}

func TestNoAnswer(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := nobody.Addr().String()
	require.NoError(t, nobody.Close())
	p := sidecar.Program{Outside: config.Outside{HTTP: "http://" + address}}
	require.Equal(t, "transient not_there after 1s", told(p.Perform()(within(t), task)))

	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}))
	defer cut.Close()
	p = sidecar.Program{Outside: config.Outside{HTTP: cut.URL}}
	require.Equal(t, "unknown ", told(p.Perform()(within(t), task)))

	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"outcome": "refused"`)
	}))
	defer half.Close()
	p = sidecar.Program{Outside: config.Outside{HTTP: half.URL}}
	require.Equal(t, "unknown ", told(p.Perform()(within(t), task)))

	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer slow.Close()
	p = sidecar.Program{Outside: config.Outside{HTTP: slow.URL}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.Perform()(ctx, task)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func shell(t *testing.T, script string) sidecar.Program {
	return sidecar.Program{Outside: config.Outside{Exec: []string{"sh", "-c", script}}, Folder: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
}

func TestAnswersOfAProgram(t *testing.T) {
	for script, want := range map[string]string{
		`echo '{"outcome": "completed", "data": 1, "undo": 2}'`: "done 1 undo 2",
		`:`:                                    "done",
		`echo hello`:                           "unknown bad_answer",
		`exit 3`:                               "transient exit_3",
		`echo '{"outcome":"refused"}'; exit 3`: "refused ",
		`kill -9 $$`:                           "unknown killed",
		`sh -c 'kill -9 $$'; exit $?`:          "unknown killed", // as a shell tells it
		`cat | grep -q '"call":"perform","type":"kyc","id":"order-1","step":"scan","agent":"scan","attempt":2,"key":"kyc/order-1/scan/scan"'`: "done",
		`test "$UNWIND_IDEMPOTENCY_KEY $UNWIND_CALL $UNWIND_ATTEMPT" = "kyc/order-1/scan/scan perform 2"`:                                     "done",
		`test -d . && echo "\"$(basename "$PWD")\""`: `done "001"`,
		`exec 0<&-; echo 5`:                          "done 5", // it reads nothing
		`sleep 1000 & echo 6`:                        "done 6",
	} {
		t.Run(script, func(t *testing.T) {
			began := time.Now()
			require.Equal(t, want, told(shell(t, script).Perform()(within(t), task)))
			require.Less(t, time.Since(began), 5*time.Second)
		})
	}
	p := sidecar.Program{Outside: config.Outside{Exec: []string{"no-such-program"}}}
	require.Equal(t, "unavailable not_there", told(p.Perform()(within(t), task)))
	require.Equal(t, "nothing to undo", told(agent.Result{}, shell(t, `cat | grep -q '"undo":{"row":7}' && echo '{"outcome":"nothing"}'`).Compensate()(within(t), undo)))
}

func TestAnAnswerThatIsTooLarge(t *testing.T) {
	p := shell(t, `head -c 80000000 /dev/zero`)
	_, err := p.Perform()(within(t), task)
	require.Equal(t, "unknown bad_answer", told(agent.Result{}, err))
	require.ErrorContains(t, err, "it has more than")
}

// A program that hangs dies at its timeout, and all that it started with it, whatever
// they do with a SIGTERM.
func TestAHangingProgramDiesWithItsChildren(t *testing.T) {
	p := shell(t, `trap '' TERM; (trap '' TERM; echo $$ >a; sh -c 'echo $$ >b; sleep 1000') & wait`)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	_, err := p.Perform()(ctx, task)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for _, file := range []string{"a", "b"} {
		text, err := os.ReadFile(filepath.Join(p.Folder, file))
		require.NoError(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return gone(pid) }, 5*time.Second, 10*time.Millisecond, "process %d of file %s", pid, file)
	}
}

func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

func TestWhatAProgramSaysIsLogged(t *testing.T) {
	var log bytes.Buffer
	p := shell(t, `echo one >&2; printf two >&2; i=0; while [ $i -lt 1200 ]; do echo line >&2; i=$((i+1)); done`)
	p.Logger = slog.New(slog.NewTextHandler(&log, nil))
	_, err := p.Perform()(within(t), task)
	require.NoError(t, err)
	require.Contains(t, log.String(), `line=one`)
	require.Contains(t, log.String(), `line=twoline`)
	require.Contains(t, log.String(), `the program says too much`)
	require.Equal(t, 1000, strings.Count(log.String(), "\n"))
	require.NotContains(t, log.String(), "Ada")
}

func TestParse(t *testing.T) {
	o, err := sidecar.Parse("exec:python3 agent.py")
	require.NoError(t, err)
	require.Equal(t, []string{"python3", "agent.py"}, o.Exec)
	o, err = sidecar.Parse("http://127.0.0.1:8080/perform")
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:8080/perform", o.HTTP)
	for _, text := range []string{"", "exec:", "python3 agent.py", "ftp://x"} {
		_, err := sidecar.Parse(text)
		require.ErrorContains(t, err, "want a URL, or exec: and a command")
	}
}
