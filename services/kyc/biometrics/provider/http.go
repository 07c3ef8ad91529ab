package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Handler serves the API that package biometrics describes, and /faults.
func (p *Provider) Handler() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("POST /v1/comparisons", p.post)
	api.HandleFunc("GET /v1/comparisons", p.getAll)
	api.HandleFunc("DELETE /v1/comparisons/{id}", p.delete)

	mux := http.NewServeMux()
	mux.Handle("/v1/", p.failing(api))
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, p.Fault()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&f); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		if err := p.Fail(f); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		respond(w, http.StatusOK, p.Fault())
	})
	return mux
}

func (p *Provider) post(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		fail(w, http.StatusBadRequest, errors.New("no Idempotency-Key"))
		return
	}
	var body struct{ Portrait, Selfie []byte }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 32<<20)).Decode(&body); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	answer, err := p.compare(r.Context(), key, body.Portrait, body.Selfie)
	switch {
	case errors.Is(err, errOtherImages), errors.Is(err, errImages):
		fail(w, http.StatusUnprocessableEntity, err)
	case err != nil:
		fail(w, http.StatusInternalServerError, err)
	default:
		respond(w, http.StatusCreated, json.RawMessage(answer))
	}
}

func (p *Provider) getAll(w http.ResponseWriter, r *http.Request) {
	all, err := p.list(r.Context())
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, all)
}

func (p *Provider) delete(w http.ResponseWriter, r *http.Request) {
	switch err := p.forget(r.Context(), r.PathValue("id")); {
	case errors.Is(err, errNothing):
		fail(w, http.StatusNotFound, err)
	case err != nil:
		fail(w, http.StatusInternalServerError, err)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// failing makes the fault that is set of a call to api.
func (p *Provider) failing(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := p.faults.strike()
		answer := &unsent{header: http.Header{}, status: http.StatusOK}
		switch f.Mode {
		case Hang, Garbage, Cut:
			if !f.Before {
				api.ServeHTTP(answer, r)
			}
			// The server notices that a client has gone only when it has read all.
			_, _ = io.Copy(io.Discard, r.Body)
		}
		switch f.Mode {
		case Down, Throttle:
			if f.RetryAfter > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
			}
			status := map[Mode]int{Down: http.StatusServiceUnavailable, Throttle: http.StatusTooManyRequests}[f.Mode]
			fail(w, status, errors.New("not now"))
		case Hang:
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		case Garbage:
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html><body><h1>It works!</h1></body></html>\n"))
		case Cut:
			if half := answer.body.Bytes()[:answer.body.Len()/2]; len(half) > 0 {
				w.Header().Set("Content-Length", strconv.Itoa(answer.body.Len()))
				w.WriteHeader(answer.status)
				_, _ = w.Write(half)
				_ = http.NewResponseController(w).Flush()
			}
			panic(http.ErrAbortHandler)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// unsent is an answer that the client will not get whole.
type unsent struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (u *unsent) Header() http.Header         { return u.header }
func (u *unsent) WriteHeader(status int)      { u.status = status }
func (u *unsent) Write(b []byte) (int, error) { return u.body.Write(b) }

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, err error) {
	respond(w, status, map[string]string{"error": err.Error()})
}
