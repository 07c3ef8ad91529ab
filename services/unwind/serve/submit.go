package serve

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

// A place is where a saga is to be found.
type place struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Seq  uint64 `json:"seq,omitempty"` // of its task; only when it was written just now
	Note string `json:"note"`
}

// longestName is how long the name of who submits may be: it stands in the history.
const longestName = 128

// submit begins a saga.
func (h *Handler) submit(w http.ResponseWriter, r *http.Request) {
	typ := r.PathValue("type")
	id, err := idOf(typ, r)
	if err != nil {
		complain(w, http.StatusUnprocessableEntity, err)
		return
	}
	by := cmp.Or(r.Header.Get("Unwind-By"), "http")
	if len(by) > longestName {
		complain(w, http.StatusUnprocessableEntity, fmt.Errorf("Unwind-By has %d bytes, at most %d are taken", len(by), longestName))
		return
	}
	task, err := io.ReadAll(r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large || len(task) > events.MaxPayload {
		complain(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the task has more than %d bytes\nhint: keep what is large elsewhere, and submit where it is", events.MaxPayload))
		return
	}
	if err != nil {
		complain(w, http.StatusBadRequest, fmt.Errorf("read the task: %w", err))
		return
	}
	status, p, err := h.begin(r.Context(), typ, id, task, by)
	if err != nil {
		complain(w, status, err)
		return
	}
	w.Header().Set("Location", "/v1/sagas/"+typ+"/"+id)
	tell(w, status, p)
}

// idOf is the id of the saga that a request asks for. A key that could be an id is
// one, so that whoever knows the one knows the other; of any other key the id is a
// digest. Without a key, each request is a saga of its own.
func idOf(typ string, r *http.Request) (string, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return uuid.NewString(), nil
	}
	// The header is a string of RFC 8941, in quotes; most clients leave them out.
	key := strings.TrimSpace(keys[0])
	if unquoted, ok := strings.CutPrefix(key, `"`); ok {
		key = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(unquoted, `"`))
	}
	switch {
	case len(keys) > 1:
		return "", errors.New("there is more than one Idempotency-Key")
	case key == "":
		return "", errors.New("the Idempotency-Key is empty\nhint: leave it out, or derive it from what the saga is about, such as the order's number")
	case len(key) > 255:
		return "", fmt.Errorf("the Idempotency-Key has %d bytes, at most 255 are taken", len(key))
	case events.ValidID(key) == nil:
		return key, nil
	}
	sum := sha256.Sum256([]byte(typ + "\x00" + key))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// begin writes the task, or finds that it was written before.
func (h *Handler) begin(ctx context.Context, typ, id string, task []byte, by string) (int, place, error) {
	if h.config.Accept != nil && json.Valid(task) {
		if err := h.config.Accept(ctx, typ, task); err != nil {
			// It may run already, since other agents would take it when it was asked first.
			if status, p, failed := h.again(ctx, typ, id, task); failed == nil || status == http.StatusServiceUnavailable {
				return status, p, failed
			}
			return http.StatusUnprocessableEntity, place{}, err
		}
	}
	seq, err := client.Submit(ctx, h.log, typ, id, task, by)
	switch {
	case err == nil:
		return http.StatusCreated, place{typ, id, seq, "written"}, nil
	case errors.Is(err, client.ErrDuplicate):
		return h.again(ctx, typ, id, task)
	case errors.Is(err, client.ErrBadTask):
		return http.StatusUnprocessableEntity, place{}, err
	default:
		return statusOf(err), place{}, err
	}
}

// again reports whether a saga that is there already is the one that is asked for.
func (h *Handler) again(ctx context.Context, typ, id string, task []byte) (int, place, error) {
	_, history, err := client.Load(ctx, h.log, typ, id, 0)
	if len(history) == 0 {
		return statusOf(err), place{}, err
	}
	for _, e := range history { // which may make no sense by now
		if e.Subject.Kind == events.Submitted && alike(e.Data, task) {
			return http.StatusOK, place{Type: typ, ID: id, Note: "it was written before"}, nil
		}
	}
	return http.StatusUnprocessableEntity, place{}, fmt.Errorf(
		"saga %s/%s was submitted before, with another task\nhint: a key belongs to one task: give another task another Idempotency-Key", typ, id)
}

// alike reports whether two tasks are the same JSON, however they are written.
func alike(a, b []byte) bool {
	read := func(text []byte) (value any, ok bool) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return value, d.Decode(&value) == nil
	}
	x, xok := read(a)
	y, yok := read(b)
	return xok && yok && reflect.DeepEqual(x, y)
}
