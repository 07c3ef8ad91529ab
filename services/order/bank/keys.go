package bank

import (
	"bytes"
	"net/http"
	"sync"
)

// keys are the idempotency keys, with the first answer under each.
type keys struct {
	mu   sync.Mutex
	kept map[string]*record
}

type record struct {
	path    string
	body    []byte
	answer  reply
	running bool
}

// once answers a question for the first time, or says again what was said. The
// answerer reports whether its answer is to be kept.
func (k *keys) once(q question, answer func() (reply, bool)) reply {
	name := q.header.Get("Idempotency-Key")
	if name == "" || q.method != http.MethodPost {
		a, _ := answer()
		return a
	}
	k.mu.Lock()
	r, known := k.kept[name]
	if known {
		defer k.mu.Unlock()
		switch {
		case r.path != q.path || !bytes.Equal(r.body, q.body):
			return refused(http.StatusBadRequest, "idempotency_error", "",
				"Keys for idempotent requests can only be used with the same parameters they were first used with.")
		case r.running:
			return refused(http.StatusConflict, "invalid_request_error", "idempotency_key_in_use",
				"There is currently another in-progress request using this Idempotent Key.")
		}
		again := r.answer
		again.header = again.header.Clone()
		again.header.Set("Idempotent-Replayed", "true")
		return again
	}
	r = &record{path: q.path, body: q.body, running: true}
	k.kept[name] = r
	k.mu.Unlock()

	a, keep := answer()
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("Idempotency-Key", name)
	if r.answer, r.running = a, false; !keep {
		delete(k.kept, name)
	}
	return a
}

func (k *keys) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.kept)
}
