package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/report"
)

// show tells how a saga stands. A history that makes no sense is told all the
// same, without a status.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	typ, id := r.PathValue("type"), r.PathValue("id")
	s, history, err := client.Load(r.Context(), h.log, typ, id, 0)
	if len(history) == 0 {
		complain(w, statusOf(err), err)
		return
	}
	tell(w, http.StatusOK, report.Of(typ, id, history, s))
}

// cancel turns a saga.
func (h *Handler) cancel(w http.ResponseWriter, r *http.Request) {
	typ, id := r.PathValue("type"), r.PathValue("id")
	var why struct {
		By     string `json:"by"`
		Reason string `json:"reason"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&why); err != nil || why.Reason == "" {
		complain(w, http.StatusUnprocessableEntity, errors.New(`the reason is missing`+"\n"+`hint: {"reason": "the customer changed her mind", "by": "shop"}`))
		return
	}
	if why.By == "" {
		why.By = "http"
	}
	if len(why.By) > longestName {
		complain(w, http.StatusUnprocessableEntity, fmt.Errorf("by has %d bytes, at most %d are taken", len(why.By), longestName))
		return
	}
	switch err := client.Cancel(r.Context(), h.log, typ, id, why.By, why.Reason); {
	case err == nil:
		tell(w, http.StatusCreated, place{Type: typ, ID: id, Note: "it turns: what was done is undone"})
	case errors.Is(err, client.ErrTurned):
		tell(w, http.StatusOK, place{Type: typ, ID: id, Note: "it had turned before"})
	default:
		complain(w, statusOf(err), err)
	}
}

// own lets one's own programs in, and nobody else. A name that no saga type can
// have, or an id that no saga can, is one that there is not.
func (h *Handler) own(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h.config.Bearer == "" || !same(bearer(r), h.config.Bearer) {
			complain(w, http.StatusUnauthorized, errors.New("the token is missing, or is not that of the server"))
			return
		}
		err := events.ValidName("saga type", r.PathValue("type"))
		if id := r.PathValue("id"); id != "" {
			err = errors.Join(err, events.ValidID(id))
		}
		if err != nil {
			complain(w, http.StatusNotFound, err)
			return
		}
		serve(w, r)
	}
}

// bearer is the token in a request's header.
func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}
