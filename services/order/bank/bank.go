package bank

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Config is what is not the same everywhere. The zero value works.
type Config struct {
	// Takes is how long moving money takes at the least. What takes no time is
	// never met by what goes wrong meanwhile.
	Takes time.Duration
}

// A Bank remembers.
type Bank struct {
	config Config
	mock   *url.URL
	faults faults
	keys   keys

	mu      sync.Mutex
	intents map[string]*Intent
	order   []string // of the intents, as they came
}

// New makes a bank in front of the stripe-mock at this address, such as
// "http://127.0.0.1:12111".
func New(mock string, config Config) (*Bank, error) {
	address, err := url.Parse(mock)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("open a bank in front of stripe-mock: %q is no address: %w", mock, err)
	}
	return &Bank{config: config, mock: address, keys: keys{kept: map[string]*record{}}, intents: map[string]*Intent{}}, nil
}

// Fail sets what is to fail from now on.
func (b *Bank) Fail(f Fault) error { return b.faults.put(f) }

// Forget forgets all idempotency keys, as Stripe does after a day.
func (b *Bank) Forget() { b.keys.forget() }

// Intents returns what it remembers, the oldest first.
func (b *Bank) Intents() []Intent {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []Intent{}
	for _, id := range b.order {
		list = append(list, b.intents[id].clone())
	}
	return list
}

// Handler serves what the package comment lists.
func (b *Bank) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, op := range operations {
		mux.Handle(pattern, b.serve(op))
	}
	mux.HandleFunc("GET /bank/intents", func(w http.ResponseWriter, _ *http.Request) { show(w, b.Intents()) })
	mux.HandleFunc("GET /bank/faults", func(w http.ResponseWriter, _ *http.Request) { show(w, b.faults.get()) })
	mux.HandleFunc("PUT /bank/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&f)
		if err == nil {
			err = b.Fail(f)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		show(w, b.faults.get())
	})
	return mux
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// serve lets a request of the API through the faults and the keys to the books.
func (b *Bank) serve(op Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
		if err != nil {
			return // whoever asked is gone
		}
		mode := b.faults.strike(op)
		if before, strikes := early[mode]; strikes {
			before.write(w, mode)
			return
		}
		q := question{op: op, method: r.Method, path: r.URL.Path, id: r.PathValue("id"), query: r.URL.RawQuery, body: body, header: r.Header, mode: mode}
		if q.form, err = url.ParseQuery(string(body)); err != nil {
			refused(http.StatusBadRequest, "invalid_request_error", "", "the body is no form: "+err.Error()).write(w, Sound)
			return
		}
		a := b.keys.once(q, func() (reply, bool) { return b.answer(r.Context(), q) })
		if mode == Hang {
			<-r.Context().Done()
		}
		a.write(w, mode)
	})
}

// A question is a request of the API.
type question struct {
	op                      Operation
	method, path, id, query string
	body                    []byte
	form                    url.Values
	header                  http.Header
	mode                    Mode
}

// A reply is what is said to it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// write writes it, unless the fault is that it is lost.
func (a reply) write(w http.ResponseWriter, mode Mode) {
	if slices.Contains([]Mode{Drop, Lose, Hang}, mode) {
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

func refused(status int, typ, code, message string) reply {
	e := map[string]any{"type": typ, "message": message}
	if code != "" {
		e["code"] = code
	}
	body, _ := json.Marshal(map[string]any{"error": e})
	return reply{status: status, body: body}
}
