package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/callback"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/serve"
)

const (
	secret = "a secret that nobody guesses"
	bearer = "a token that is good for all"
)

// A world is a scan that waits for a callback, and a log of the server.
type world struct {
	*eventtest.Log
	ctx    context.Context
	h      *serve.Handler
	logged bytes.Buffer
	undone int
}

func play(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &world{Log: eventtest.NewLog(), ctx: ctx}
		var err error
		if w.h, err = serve.New(w, serve.Config{Secret: []byte(secret), Bearer: bearer, Logger: slog.New(slog.NewTextHandler(&w.logged, nil))}); err != nil {
			t.Fatal(err)
		}
		scan := config.Config{Agent: "scan", Saga: "trip", Final: true, CompensationHandler: "undo"}
		h := agent.Handler{
			Perform: func(context.Context, agent.Task) (agent.Result, error) {
				return agent.Result{Pending: &agent.Pending{For: "the scanner"}}, nil
			},
			Compensations: agent.Compensations{"undo": func(context.Context, agent.Undo) error { w.undone++; return nil }},
		}
		done := make(chan error)
		go func() {
			done <- agent.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}.Run(ctx, w, scan, h)
		}()
		synctest.Wait()
		if _, err := client.Submit(ctx, w, "trip", "1", []byte(`{}`), "shop"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(t, w)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.Close()
	})
}

func url(t *testing.T, id, step string, attempt int) string {
	t.Helper()
	desk, err := callback.New("http://127.0.0.1", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return desk.URL("trip", id, step, attempt)
}

// post posts a body, and checks what is answered.
func (w *world) post(t *testing.T, url, body, authorization string, want int, says string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", "Bearer "+authorization)
	}
	got := httptest.NewRecorder()
	w.h.ServeHTTP(got, r)
	if got.Code != want || !strings.Contains(got.Body.String(), says) || !json.Valid(got.Body.Bytes()) {
		t.Errorf("post %s: %d %s, want %d with %q in it", body, got.Code, got.Body, want, says)
	}
	synctest.Wait()
}

func (w *world) status(t *testing.T) saga.Status {
	t.Helper()
	s, _, err := client.Load(w.ctx, w, "trip", "1", 0)
	if err != nil {
		t.Fatal(err)
	}
	return s.Status()
}

func TestACallbackCompletesAStep(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		u := url(t, "1", "scan", 1)
		w.post(t, u, `{"outcome": "completed", "data": {"pages": 3, "of": "<a&b>"}}`, "", 201, `"note":"written"`)
		if got := w.status(t); got != saga.Completed {
			t.Errorf("the saga is %s", got)
		}
		w.post(t, u, `{"outcome":"completed","data":{"pages":3,"of":"<a&b>"}}`, "", 200, "it was written before")
		w.post(t, u, `{"outcome":"completed","by":"the scanner","data":{"pages":3,"of":"<a&b>"}}`, "", 200, "it was written before")
		w.post(t, u, `{"outcome": "completed", "data": {"pages": 4}}`, "", 409, "it has ended")
		w.post(t, u, `{"outcome": "refused"}`, "", 409, "it is completed since")
		if logged := w.logged.String(); strings.Contains(logged, "token") || strings.Contains(logged, "pages") || !strings.Contains(logged, "status=201") {
			t.Errorf("logged was %s", logged)
		}
	})
}

func TestWhoMay(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		u := url(t, "1", "scan", 1)
		path, _, _ := strings.Cut(u, "?")
		body := `{"outcome": "retry"}`
		for _, other := range []string{
			path, path + "?token=", path + "?attempt=1", path + "?attempt=1&token=x",
			strings.Replace(u, "attempt=1", "attempt=2", 1), strings.Replace(u, "attempt=1", "attempt=0", 1),
			strings.Replace(u, "attempt=1&", "", 1), strings.Replace(u, "/1/", "/2/", 1),
			strings.Replace(url(t, "1", "scan", 0), "attempt=0&", "", 1),
		} {
			w.post(t, other, body, "", 401, "the token is missing")
		}
		w.post(t, path, body, bearer+"x", 401, "the token is missing")
		w.post(t, path, body, bearer, 201, "written")
		time.Sleep(time.Minute)
		// A token in the header is as good, and one of its own there does no harm.
		token := callback.Token([]byte(secret), "trip", "1", "scan", 2)
		w.post(t, path+"?attempt=2", body, token, 201, "written")
		time.Sleep(time.Minute)
		w.post(t, url(t, "1", "scan", 3), body, "the client's own", 201, "written")
	})
}

func TestBadAnswers(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		u := url(t, "1", "scan", 1)
		w.post(t, u, `{"outcome": "done"}`, "", 422, `want completed, refused`)
		w.post(t, u, `{"outcome": "expired"}`, "", 422, `want completed, refused`)
		w.post(t, u, `{"outcome": "completed", "dta": 1}`, "", 422, `unknown field`)
		w.post(t, u, `{`, "", 422, `"hint":"{\"outcome\"`)
		w.post(t, u, `{"outcome": "retry"} {}`, "", 422, `more than one`)
		w.post(t, u, `{"outcome": "retry", "attempt": 2}`, "", 422, `about attempt 2, its URL about attempt 1`)
		w.post(t, u, `{"outcome": "retry", "next": "osrm"}`, "", 422, `hand it to one of scan`)
		w.post(t, u, `{"outcome": "completed", "data": "`+strings.Repeat("x", 1<<20)+`"}`, "", 413, "the answer has more than")
		w.post(t, url(t, "2", "scan", 1), `{"outcome": "completed"}`, "", 404, "no such saga")
		w.post(t, url(t, "1", "card", 1), `{"outcome": "completed"}`, "", 409, "its steps so far are scan")
		w.post(t, url(t, "1", "scan", 9), `{"outcome": "completed"}`, "", 409, "no answer is waited for")
		if got := w.status(t); got != saga.Waiting {
			t.Errorf("the saga is %s", got)
		}
	})
}

// What a third party did is not lost because the saga turned meanwhile.
func TestALateCallbackIsUndone(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		if err := client.Cancel(w.ctx, w, "trip", "1", "ada", "so"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := w.undone
		w.post(t, url(t, "1", "scan", 1), `{"outcome": "refused"}`, "", 409, "it is compensated since")
		w.post(t, url(t, "1", "scan", 1), `{"outcome": "completed", "data": 1}`, "", 202, "what was done is undone")
		if w.undone != before+1 {
			t.Errorf("it was undone %d times, and then %d times", before, w.undone)
		}
		w.post(t, url(t, "1", "scan", 1), `{"outcome": "completed", "data": 1}`, "", 200, "it was written before")
	})
}

func TestNewRefusesWhatCouldBeGuessed(t *testing.T) {
	for says, c := range map[string]serve.Config{
		"nobody could answer":           {},
		"callback secret has 3 bytes":   {Secret: []byte("abc")},
		"the bearer token has 3 bytes,": {Bearer: "abc"},
	} {
		if _, err := serve.New(eventtest.NewLog(), c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("New: %v, want %q", err, says)
		}
	}
}

// Over the wire: a request under way is answered before the server stops.
func TestRun(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	h, err := serve.New(log, serve.Config{Bearer: bearer})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := h.Run(ctx, l); err != nil {
			t.Error(err)
		}
	})
	base := "http://" + l.Addr().String()
	res, err := http.Post(base+callback.Path("trip", "1", "scan"), "application/json", strings.NewReader("{}"))
	if err != nil || res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("post: %v, %v", res, err)
	}
	_ = res.Body.Close()
	res, err = http.Get(base + callback.Path("trip", "1", "scan"))
	if err != nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("get: %v, %v", res, err)
	}
	_ = res.Body.Close()
	body, end := io.Pipe()
	answered := make(chan int)
	go func() {
		r, _ := http.NewRequest(http.MethodPost, base+callback.Path("trip", "1", "scan"), body)
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Set("Expect", "100-continue") // the body is not sent before somebody reads it
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		_ = res.Body.Close()
		answered <- res.StatusCode
	}()
	if _, err := io.WriteString(end, `{"outcome": "completed"`); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.WriteString(end, `}`)
	_ = end.Close()
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if got := <-answered; got != 404 {
		t.Errorf("under way: %d, want 404", got)
	}
	serving.Wait()
}

var _ events.Log = (*world)(nil)
