package biometrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/services/kyc/biometrics"
	"github.com/unwind-saga/unwind/services/kyc/biometrics/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sameness finds two faces alike if their bytes are, and counts how often it was
// asked.
type sameness struct{ asked atomic.Int32 }

func (s *sameness) Compare(portrait, selfie []byte) (float64, []byte, error) {
	s.asked.Add(1)
	if len(portrait) == 0 || len(selfie) == 0 {
		return 0, nil, errors.New("no face")
	}
	if bytes.Equal(portrait, selfie) {
		return 0.99, portrait, nil
	}
	return 0.1, portrait, nil
}

type house struct {
	*provider.Provider
	faces  *sameness
	url    string
	client *biometrics.Client
}

func open(t *testing.T) house { return openAt(t, filepath.Join(t.TempDir(), "faces.db")) }

func openAt(t *testing.T, path string) house {
	t.Helper()
	h := house{faces: &sameness{}}
	var err error
	if h.Provider, err = provider.Open(path, h.faces, provider.Config{}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(h.Handler())
	h.url = web.URL
	transport := &http.Transport{}
	h.client = client(t, web.URL, transport)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		web.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func client(t *testing.T, url string, transport http.RoundTripper) *biometrics.Client {
	t.Helper()
	c, err := biometrics.New(url, biometrics.Config{Timeout: 500 * time.Millisecond, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var anna, bert = []byte("anna's face"), []byte("bert's face")

func (h house) kept(t *testing.T) int {
	t.Helper()
	all, err := h.client.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestCompareAndForget(t *testing.T) {
	h := open(t)
	same, err := h.client.Compare(t.Context(), "k1", anna, anna)
	if err != nil || !same.Match || same.Similarity != 0.99 || same.ID == "" {
		t.Fatalf("got %+v, %v", same, err)
	}
	other, err := h.client.Compare(t.Context(), "k2", anna, bert)
	if err != nil || other.Match || other.ID == same.ID {
		t.Fatalf("got %+v, %v", other, err)
	}
	all, err := h.client.List(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != same.ID || all[0].Key != "k1" || time.Since(all[0].Created) > time.Minute {
		t.Errorf("kept %+v, %v", all, err)
	}
	for _, want := range []bool{true, false, false} {
		if found, err := h.client.Forget(t.Context(), same.ID); err != nil || found != want {
			t.Errorf("forget: found %v, %v; want %v", found, err, want)
		}
	}
	for _, want := range []bool{true, false} {
		if found, err := h.client.ForgetKey(t.Context(), "k2"); err != nil || found != want {
			t.Errorf("forget key: found %v, %v; want %v", found, err, want)
		}
	}
	if n := h.kept(t); n != 0 {
		t.Errorf("%d templates are left", n)
	}
}

// The same key has the same answer: at once, after forgetting, after a restart.
// It makes no second template and asks for no second comparison.
func TestSameKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "faces.db")
	var first biometrics.Comparison
	t.Run("before", func(t *testing.T) {
		h := openAt(t, path)
		for range 2 {
			c, err := h.client.Compare(t.Context(), "k", anna, anna)
			if err != nil || first.ID != "" && c != first {
				t.Fatalf("got %+v, %v; first %+v", c, err, first)
			}
			first = c
		}
		if n := h.faces.asked.Load(); n != 1 || h.kept(t) != 1 {
			t.Errorf("%d comparisons, %d templates, want one of each", n, h.kept(t))
		}
		_, err := h.client.Compare(t.Context(), "k", anna, bert)
		want(t, err, biometrics.Refused, 422, false)
	})
	t.Run("after a restart", func(t *testing.T) {
		h := openAt(t, path)
		if c, err := h.client.Compare(t.Context(), "k", anna, anna); err != nil || c != first || h.kept(t) != 1 {
			t.Errorf("got %+v, %v; first %+v", c, err, first)
		}
		if found, err := h.client.Forget(t.Context(), first.ID); err != nil || !found {
			t.Errorf("forget: %v, %v", found, err)
		}
		if c, err := h.client.Compare(t.Context(), "k", anna, anna); err != nil || c != first {
			t.Errorf("after forgetting: %+v, %v", c, err)
		}
		if n := h.faces.asked.Load(); n != 0 || h.kept(t) != 0 {
			t.Errorf("%d comparisons, %d templates, want none", n, h.kept(t))
		}
	})
}

func TestSameKeyAtOnce(t *testing.T) {
	h := open(t)
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			c, err := h.client.Compare(t.Context(), "k", anna, anna)
			if err != nil {
				t.Error(err)
			}
			ids[i] = c.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("ids %v", ids)
		}
	}
	if n := h.faces.asked.Load(); n != 1 {
		t.Errorf("%d comparisons, want 1", n)
	}
}

func want(t *testing.T, err error, class biometrics.Class, status int, maybe bool) *biometrics.Error {
	t.Helper()
	var e *biometrics.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.Class != class || e.Status != status || e.MayHaveHappened != maybe {
		t.Errorf("got class %s, status %d, may have happened %v (%v); want %s, %d, %v", e.Class, e.Status, e.MayHaveHappened, err, class, status, maybe)
	}
	return e
}

// Each fault, what the client says of a comparison and of a forgetting, and what
// was really done.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		fault  provider.Fault
		class  biometrics.Class
		status int
		maybe  bool
		kept   int // of one comparison
		retry  time.Duration
	}{
		{provider.Fault{Mode: provider.Down}, biometrics.Transient, 503, false, 0, 0},
		{provider.Fault{Mode: provider.Down, RetryAfter: 30}, biometrics.Transient, 503, false, 0, 30 * time.Second},
		{provider.Fault{Mode: provider.Throttle, RetryAfter: 2}, biometrics.Transient, 429, false, 0, 2 * time.Second},
		{provider.Fault{Mode: provider.Hang}, biometrics.Unknown, 0, true, 1, 0},
		{provider.Fault{Mode: provider.Hang, Before: true}, biometrics.Unknown, 0, true, 0, 0},
		{provider.Fault{Mode: provider.Garbage}, biometrics.Unknown, 200, true, 1, 0},
		{provider.Fault{Mode: provider.Garbage, Before: true}, biometrics.Unknown, 200, true, 0, 0},
		{provider.Fault{Mode: provider.Cut}, biometrics.Unknown, 201, true, 1, 0},
		{provider.Fault{Mode: provider.Cut, Before: true}, biometrics.Unknown, 0, true, 0, 0},
	} {
		t.Run(fmt.Sprintf("%s before=%v retry=%d", tc.fault.Mode, tc.fault.Before, tc.fault.RetryAfter), func(t *testing.T) {
			h := open(t)
			set(t, h, tc.fault)
			_, err := h.client.Compare(t.Context(), "k", anna, anna)
			e := want(t, err, tc.class, tc.status, tc.maybe)
			if e.RetryAfter != tc.retry {
				t.Errorf("retry after %v, want %v", e.RetryAfter, tc.retry)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("a page in an error: %q", err)
			}

			set(t, h, provider.Fault{Mode: provider.Sound})
			if n := h.kept(t); n != tc.kept {
				t.Errorf("%d templates, want %d", n, tc.kept)
			}
			// Whatever happened, the same key settles it.
			c, err := h.client.Compare(t.Context(), "k", anna, anna)
			if err != nil || h.kept(t) != 1 || h.faces.asked.Load() != 1 {
				t.Errorf("again: %+v, %v; %d templates, %d comparisons", c, err, h.kept(t), h.faces.asked.Load())
			}

			// A list changes nothing, whatever becomes of its answer.
			set(t, h, tc.fault)
			_, err = h.client.List(t.Context())
			if e, ok := errors.AsType[*biometrics.Error](err); !ok || e.Class != biometrics.Transient || e.MayHaveHappened || e.RetryAfter != tc.retry {
				t.Errorf("listing: %+v, want one that is transient and did nothing", err)
			}

			set(t, h, tc.fault)
			_, err = h.client.Forget(t.Context(), c.ID)
			var f *biometrics.Error
			if !errors.As(err, &f) || f.MayHaveHappened != tc.maybe {
				t.Errorf("forgetting: %v, want one that may have happened: %v", err, tc.maybe)
			}
			set(t, h, provider.Fault{Mode: provider.Sound})
			if n := h.kept(t); n != 1-tc.kept {
				t.Errorf("%d templates after forgetting, want %d", n, 1-tc.kept)
			}
		})
	}
}

// set goes the way that the demonstration goes.
func set(t *testing.T, h house, f provider.Fault) {
	t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if status := put(t, h.url+"/faults", string(body)); status != 200 {
		t.Fatalf("status %d", status)
	}
}

func put(t *testing.T, url, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	return w.StatusCode
}

func TestFaultsCount(t *testing.T) {
	h := open(t)
	set(t, h, provider.Fault{Mode: provider.Down, Count: 2})
	for i, ok := range []bool{false, false, true} {
		if _, err := h.client.Compare(t.Context(), "k", anna, anna); (err == nil) != ok {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
	for _, bad := range []string{`{"mode":"explode"}`, `{"mode":"down","count":-1}`, `nonsense`} {
		if status := put(t, h.url+"/faults", bad); status != 400 {
			t.Errorf("%s: status %d", bad, status)
		}
	}
}

func TestClientMistakes(t *testing.T) {
	h := open(t)
	t.Run("no faces in the images", func(t *testing.T) {
		_, err := h.client.Compare(t.Context(), "k", anna, nil)
		want(t, err, biometrics.Refused, 422, false)
		// Refused is not remembered: the key is free for better images.
		if _, err := h.client.Compare(t.Context(), "k", anna, anna); err != nil {
			t.Error(err)
		}
	})
	t.Run("no key", func(t *testing.T) {
		_, err := h.client.Compare(t.Context(), "", anna, anna)
		want(t, err, biometrics.Refused, 400, false)
	})
	t.Run("an id with a slash", func(t *testing.T) {
		if found, err := h.client.Forget(t.Context(), "../comparisons/x"); found {
			t.Errorf("found %v, %v", found, err)
		}
	})
	t.Run("an empty id is not all ids", func(t *testing.T) {
		if _, err := h.client.Forget(t.Context(), ""); err == nil {
			t.Error("was accepted")
		}
	})
	for _, base := range []string{"", "127.0.0.1:80", "ftp://x", "http://"} {
		if _, err := biometrics.New(base, biometrics.Config{}); err == nil {
			t.Errorf("base %q was accepted", base)
		}
	}
}

// Whoever does not answer may be restarting: that is no reason for a stand-in.
func TestNoConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	stranger := httptest.NewTLSServer(http.NotFoundHandler()) // nobody trusts its certificate
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer stranger.Close()
	over := make(chan struct{})
	defer close(over)
	silent := func(context.Context, string, string) (net.Conn, error) { <-over; return nil, net.ErrClosed }
	for _, tc := range []struct {
		name, url string
		transport *http.Transport
		class     biometrics.Class
	}{
		{"nobody listens", "http://" + l.Addr().String(), &http.Transport{}, biometrics.Transient},
		{"no such host", "http://provider.invalid", &http.Transport{}, biometrics.Transient},
		{"no answer to the dialling", "http://127.0.0.1", &http.Transport{DialContext: silent}, biometrics.Transient},
		{"a certificate that nobody trusts", stranger.URL, &http.Transport{}, biometrics.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := client(t, tc.url, tc.transport).Compare(t.Context(), "k", anna, anna)
			want(t, err, tc.class, 0, false)
		})
	}
}

func TestContext(t *testing.T) {
	h := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.client.Compare(ctx, "k", anna, anna)
	if e := want(t, err, biometrics.Transient, 0, false); !errors.Is(e, context.Canceled) {
		t.Errorf("got %v", e)
	}
}

// Other servers' answers.
func TestStatuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		class  biometrics.Class
		status int
		maybe  bool
		retry  time.Duration
	}{
		{"a gateway", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, biometrics.Unknown, 502, true, 0},
		{"a failure", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, biometrics.Unknown, 500, true, 0},
		{"not let in", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, biometrics.Unavailable, 401, false, 0},
		{"the wrong address", http.NotFound, biometrics.Unavailable, 404, false, 0},
		{"too large", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) }, biometrics.Refused, 413, false, 0},
		{"sent elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, biometrics.Unavailable, 307, false, 0},
		{"a similarity beyond all", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"id":"x","similarity":93,"match":true}`)
		}, biometrics.Unknown, 201, true, 0},
		{"no id", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"similarity":0.93,"match":true}`)
		}, biometrics.Unknown, 201, true, 0},
		{"a date to wait for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Fri, 20 Nov 2026 12:00:00 GMT")
			w.Header().Set("Retry-After", "Fri, 20 Nov 2026 12:01:30 GMT")
			w.WriteHeader(http.StatusTooManyRequests)
		}, biometrics.Transient, 429, false, 90 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			web := httptest.NewServer(tc.answer)
			transport := &http.Transport{}
			defer web.Close()
			defer transport.CloseIdleConnections()
			c := client(t, web.URL, transport)
			_, err := c.Compare(t.Context(), "k", anna, anna)
			if e := want(t, err, tc.class, tc.status, tc.maybe); e.RetryAfter != tc.retry {
				t.Errorf("retry after %v, want %v", e.RetryAfter, tc.retry)
			}
			// No such server may pass for one where there is nothing to forget.
			if found, err := c.Forget(t.Context(), "x"); found || err == nil {
				t.Errorf("forgetting there: found %v, %v", found, err)
			}
		})
	}
}
