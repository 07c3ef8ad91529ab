package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/report"
	"github.com/unwind-saga/unwind/services/unwind/serve"
)

// ask sends a request as one's own program, with headers as "Name: value".
func (w *world) ask(t *testing.T, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	got := httptest.NewRecorder()
	w.h.ServeHTTP(got, r)
	synctest.Wait()
	return got
}

func (w *world) submit(t *testing.T, path, body string, want int, says string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	got := w.ask(t, http.MethodPost, path, body, headers...)
	if got.Code != want || !strings.Contains(got.Body.String(), says) {
		t.Errorf("post %s with %q: %d %s, want %d with %q in it", path, headers, got.Code, got.Body, want, says)
	}
	return got
}

func TestATaskIsSubmittedOnce(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		got := w.submit(t, "/v1/sagas/trip", `{"to": "BER", "n": 1}`, 201, `"id":"order-7"`, "Idempotency-Key: order-7")
		if at := got.Header().Get("Location"); at != "/v1/sagas/trip/order-7" {
			t.Errorf("it is at %q", at)
		}
		w.submit(t, "/v1/sagas/trip", `{"n":1,"to":"BER"}`, 200, "it was written before", `Idempotency-Key: "order-7"`)
		w.submit(t, "/v1/sagas/trip", `{"n":2,"to":"BER"}`, 422, `another task","hint":"a key belongs to one task`, "Idempotency-Key: order-7")
		s, history, err := client.Load(w.ctx, w, "trip", "order-7", 0)
		if err != nil || string(s.Task.Data) != `{"to":"BER","n":1}` || history[0].Source != "http" {
			t.Errorf("the task is %s by %s, %v", s.Task.Data, history[0].Source, err)
		}
		// What is no id is one's digest; without a key there is nothing to be the same.
		one := w.submit(t, "/v1/sagas/trip", `{}`, 201, `"id":"`, `Idempotency-Key: "order 7/\"b\""`)
		w.submit(t, "/v1/sagas/trip", `{}`, 200, place(t, one), `Idempotency-Key: order 7/"b"`)
		a := w.submit(t, "/v1/sagas/trip", `{}`, 201, "", "Unwind-By: shop")
		b := w.submit(t, "/v1/sagas/trip", `{}`, 201, "")
		if place(t, a) == place(t, b) {
			t.Error("two requests without a key are one saga")
		}
	})
}

func place(t *testing.T, got *httptest.ResponseRecorder) string {
	t.Helper()
	var p struct{ ID string }
	if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil || events.ValidID(p.ID) != nil {
		t.Fatalf("%s: %v", got.Body, err)
	}
	return p.ID
}

// Many with the same key at once begin one saga.
func TestOneKeyManyTimesAtOnce(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		codes := make([]int, 20)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() {
				r := httptest.NewRequest(http.MethodPost, "/v1/sagas/trip", strings.NewReader(`{}`))
				r.Header.Set("Authorization", "Bearer "+bearer)
				r.Header.Set("Idempotency-Key", "k")
				got := httptest.NewRecorder()
				w.h.ServeHTTP(got, r)
				codes[i] = got.Code
			})
		}
		all.Wait()
		count := map[int]int{}
		for _, c := range codes {
			count[c]++
		}
		if count[201] != 1 || count[200] != 19 {
			t.Errorf("answers: %v", count)
		}
		synctest.Wait()
	})
}

func TestBadTasks(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.submit(t, "/v1/sagas/trip", `{"a":`, 422, `the payload is not JSON`)
		w.submit(t, "/v1/sagas/trip", ``, 422, `the payload is empty","hint":"it must be JSON`)
		w.submit(t, "/v1/sagas/tripp", `{}`, 404, `there are trip`)
		w.submit(t, "/v1/sagas/Trip", `{}`, 404, `the name must begin with a letter a-z`)
		w.submit(t, "/v1/sagas/trip", `{}`, 422, `at most 255`, "Idempotency-Key: "+strings.Repeat("x", 256))
		w.submit(t, "/v1/sagas/trip", `{}`, 422, `is empty`, `Idempotency-Key: ""`)
		w.submit(t, "/v1/sagas/trip", `{}`, 422, `more than one`, "Idempotency-Key: a", "Idempotency-Key: b")
		w.submit(t, "/v1/sagas/trip", `"`+strings.Repeat("x", events.MaxPayload)+`"`, 413, "keep what is large elsewhere")
		w.submit(t, "/v1/sagas/trip", `"`+strings.Repeat("x", 2*events.MaxPayload)+`"`, 413, "keep what is large elsewhere")
		w.submit(t, "/v1/sagas/trip", `{}`, 422, `Unwind-By has 129 bytes`, "Unwind-By: "+strings.Repeat("x", 129))
		r := httptest.NewRequest(http.MethodPost, "/v1/sagas/trip", strings.NewReader(`{}`))
		got := httptest.NewRecorder()
		w.h.ServeHTTP(got, r)
		if got.Code != 401 {
			t.Errorf("without a token: %d", got.Code)
		}
	})
}

func TestWhatNoAgentWouldAcceptIsNotSubmitted(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	h, err := serve.New(log, serve.Config{Bearer: bearer, Accept: func(_ context.Context, typ string, _ []byte) error {
		return errors.New(typ + ": /to is missing")
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Log: log, h: h}
	r := httptest.NewRequest(http.MethodPost, "/v1/sagas/trip", strings.NewReader(`{}`))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Idempotency-Key", "1")
	got := httptest.NewRecorder()
	w.h.ServeHTTP(got, r)
	history, err := log.History(t.Context(), "trip", "1", 0)
	if got.Code != 422 || !strings.Contains(got.Body.String(), "trip: /to is missing") || err != nil || len(history) > 0 {
		t.Errorf("%d %s; %d events, %v", got.Code, got.Body, len(history), err)
	}
}

// The first answer was lost, and meanwhile agents run that ask for more: the saga is
// under way all the same.
func TestWhatWasSubmittedIsToldThoughNobodyWouldAcceptItNow(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	strict := false
	h, err := serve.New(log, serve.Config{Bearer: bearer, Accept: func(context.Context, string, []byte) error {
		if strict {
			return errors.New("/to is missing")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		strict bool
		body   string
		want   int
		says   string
	}{
		{false, `{}`, 201, "written"},
		{true, `{ }`, 200, "written before"},
		{true, `{"a": 1}`, 422, "/to is missing"},
	} {
		strict = c.strict
		r := httptest.NewRequest(http.MethodPost, "/v1/sagas/trip", strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Set("Idempotency-Key", "1")
		got := httptest.NewRecorder()
		h.ServeHTTP(got, r)
		if got.Code != c.want || !strings.Contains(got.Body.String(), c.says) {
			t.Errorf("%s: %d %s", c.body, got.Code, got.Body)
		}
	}
}

func TestASagaIsToldAndCancelled(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		var told report.Saga
		got := w.ask(t, http.MethodGet, "/v1/sagas/trip/1", "")
		if err := json.Unmarshal(got.Body.Bytes(), &told); err != nil || got.Code != 200 || told.Status != saga.Waiting || len(told.Events) != 3 {
			t.Errorf("%d %s: %v", got.Code, got.Body, err)
		}
		if got := w.ask(t, http.MethodGet, "/v1/sagas/trip/2", ""); got.Code != 404 || !strings.Contains(got.Body.String(), "no such saga") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if got := w.ask(t, http.MethodGet, "/v1/sagas/trip/a.b", ""); got.Code != 404 || !strings.Contains(got.Body.String(), "is not allowed") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		w.submit(t, "/v1/sagas/trip/1/cancel", `{}`, 422, "the reason is missing")
		w.submit(t, "/v1/sagas/trip/1/cancel", `{"reason": "she changed her mind", "by": "shop"}`, 201, "it turns")
		w.submit(t, "/v1/sagas/trip/1/cancel", `{"reason": "she changed her mind", "by": "shop"}`, 409, "it has ended")
		if got := w.status(t); got != saga.Compensated {
			t.Errorf("the saga is %s", got)
		}
	})
}

// A stream tells what was and what comes, and ends with the saga. Whoever comes back
// hears what it missed, and nothing twice.
func TestAStreamOfEvents(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		var got *httptest.ResponseRecorder
		var listening sync.WaitGroup
		listening.Go(func() {
			r := httptest.NewRequest(http.MethodGet, "/v1/sagas/trip/1/events", nil).WithContext(w.ctx)
			r.Header.Set("Authorization", "Bearer "+bearer)
			got = httptest.NewRecorder()
			w.h.ServeHTTP(got, r)
		})
		time.Sleep(20 * time.Second)
		w.post(t, url(t, "1", "scan", 1), `{"outcome": "completed", "data": 3}`, "", 201, "written")
		listening.Wait()
		want := "event: submitted event: started event: pending : event: answered event: completed event: saga.completed event: end"
		if names := strings.Join(regexp.MustCompile(`(?m)^(event: \S+|: )$`).FindAllString(got.Body.String(), -1), " "); strings.ReplaceAll(names, ":  ", ": ") != want {
			t.Errorf("heard was %s\nwant %s\n%s", names, want, got.Body)
		}
		if !strings.HasSuffix(got.Body.String(), "event: end\ndata: {\"type\":\"trip\",\"id\":\"1\",\"status\":\"completed\"}\n\n") {
			t.Errorf("it ends with %s", got.Body)
		}
		again := w.ask(t, http.MethodGet, "/v1/sagas/trip/1/events", "", "Last-Event-ID: 4")
		if text := again.Body.String(); !strings.HasPrefix(text, "id: 5\nevent: completed\n") || strings.Count(text, "id: ") != 2 {
			t.Errorf("whoever comes back hears %s", text)
		}
		if over := w.ask(t, http.MethodGet, "/v1/sagas/trip/1/events", "", "Last-Event-ID: 6"); over.Code != http.StatusNoContent {
			t.Errorf("whoever heard all: %d %s", over.Code, over.Body)
		}
		if bad := w.ask(t, http.MethodGet, "/v1/sagas/trip/1/events", "", "Last-Event-ID: x"); bad.Code != http.StatusBadRequest {
			t.Errorf("%d %s", bad.Code, bad.Body)
		}
	})
}

// What somebody did about a saga after its end is told too, and whoever comes back then
// is not kept coming back.
func TestAStreamBehindTheEnd(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.submit(t, "/v1/sagas/trip/1/cancel", `{"reason": "so"}`, 201, "it turns")
		if err := client.Dismiss(w.ctx, w, "trip", "1", events.Dismissal{By: "ada", As: events.Dropped}); err != nil {
			t.Fatal(err)
		}
		_, history, err := client.Load(w.ctx, w, "trip", "1", 0)
		if err != nil {
			t.Fatal(err)
		}
		last := history[len(history)-1].Seq
		all := w.ask(t, http.MethodGet, "/v1/sagas/trip/1/events", "").Body.String()
		if i, j := strings.Index(all, "event: dismissed"), strings.Index(all, "event: end"); i < 0 || j < i {
			t.Errorf("heard was %s", all)
		}
		if got := w.ask(t, http.MethodGet, "/v1/sagas/trip/1/events", "", fmt.Sprint("Last-Event-ID: ", last)); got.Code != http.StatusNoContent {
			t.Errorf("whoever heard all: %d", got.Code)
		}
	})
}

// A history that makes no sense is told, and does not end.
func TestAStreamOfWhatMakesNoSense(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		e, err := events.New(events.Subject{Type: "trip", Kind: events.SagaCompensated, ID: "1"}, "stranger", events.Event{}, events.End{})
		if err == nil {
			_, err = w.Append(w.ctx, e)
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(w.ctx, 50*time.Second)
		defer cancel()
		r := httptest.NewRequest(http.MethodGet, "/v1/sagas/trip/1/events", nil).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+bearer)
		got := httptest.NewRecorder()
		w.h.ServeHTTP(got, r)
		if text := got.Body.String(); !strings.Contains(text, "event: saga.compensated") || strings.Contains(text, "event: end") || strings.Count(text, "\n: \n") != 3 {
			t.Errorf("heard was %q", text)
		}
		w.submit(t, "/v1/sagas/trip", `{}`, 200, "it was written before", "Idempotency-Key: 1")
	})
}

// Over the wire: each event arrives when it comes, and a server that stops does not
// wait for those who listen.
func TestAServerStopsUnderAStream(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Submit(t.Context(), log, "trip", "1", []byte(`{}`), "shop"); err != nil {
		t.Fatal(err)
	}
	h, err := serve.New(log, serve.Config{Bearer: bearer})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Run(ctx, l) }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/v1/sagas/trip/1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v, %v", res, err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "id: 1" {
		t.Errorf("heard was %q", lines.Text())
	}
	began := time.Now()
	cancel()
	if err := <-stopped; err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("it stopped after %s: %v", time.Since(began), err)
	}
}
