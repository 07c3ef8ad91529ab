package serve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

// A receipt is what whoever answered is told.
type receipt struct {
	Type    string         `json:"type"`
	ID      string         `json:"id"`
	Step    string         `json:"step"`
	Outcome events.Outcome `json:"outcome"`
	Note    string         `json:"note"`
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request) {
	typ, id, step := r.PathValue("type"), r.PathValue("id"), r.PathValue("step")
	attempt, ok := h.may(r, typ, id, step)
	if !ok {
		complain(w, http.StatusUnauthorized, errors.New("the token is missing, or is not of this question"))
		return
	}
	a, err := read(r.Body, attempt)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		complain(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the answer has more than %d bytes", largest))
		return
	}
	if err != nil {
		complain(w, http.StatusUnprocessableEntity, err)
		return
	}
	status, note, err := h.say(r.Context(), typ, id, step, a)
	if err != nil {
		h.logger.Warn("not answered", "saga", id, "type", typ, "step", step, "status", status)
		complain(w, status, err)
		return
	}
	tell(w, status, receipt{typ, id, step, a.Outcome, note})
}

// read reads an answer. An attempt that the URL names is the one that is meant.
func read(body io.Reader, attempt int) (a events.Answer, err error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return a, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, fmt.Errorf("read the answer: %w\nhint: {\"outcome\": \"completed\", \"data\": ...}", err)
	}
	if d.More() {
		return a, errors.New("read the answer: there is more than one")
	}
	if attempt > 0 && a.Attempt != 0 && a.Attempt != attempt {
		return a, fmt.Errorf("the answer is about attempt %d, its URL about attempt %d", a.Attempt, attempt)
	}
	a.Attempt = cmp.Or(attempt, a.Attempt)
	a.By = cmp.Or(a.By, "callback")
	return a, nil
}

// say writes the answer, and says how that went. What was done although nobody
// waits for it any more must not be lost: it is written as such.
func (h *Handler) say(ctx context.Context, typ, id, step string, a events.Answer) (status int, note string, err error) {
	err = client.Answer(ctx, h.log, typ, id, step, a)
	switch status = statusOf(err); {
	case err == nil:
		return status, "written", nil
	case status != http.StatusConflict:
		return status, "", err
	}
	before, failed := h.before(ctx, typ, id, step, a)
	switch {
	case failed != nil:
		return statusOf(failed), "", failed
	case before:
		return http.StatusOK, "it was written before", nil
	case a.Outcome == events.OutcomeCompleted && a.Attempt > 0:
		if client.AnswerLate(ctx, h.log, typ, id, step, a) == nil {
			return http.StatusAccepted, "written, but nobody waits for it any more: what was done is undone", nil
		}
	}
	return status, "", err
}

// before reports whether this very answer was written before.
func (h *Handler) before(ctx context.Context, typ, id, step string, a events.Answer) (bool, error) {
	s, _, err := client.Load(ctx, h.log, typ, id, 0)
	if err != nil {
		return false, err
	}
	st := s.Step(step)
	if st == nil {
		return false, nil
	}
	for _, other := range st.Answers {
		if a.Attempt == 0 { // it means the last one, whichever that was
			other.Attempt = 0
		}
		if bytes.Equal(content(other.Answer), content(a)) {
			return true, nil
		}
	}
	return false, nil
}

// content is what two answers have in common that say the same.
func content(a events.Answer) []byte {
	a.By = ""
	text, err := json.Marshal(a)
	if err != nil {
		return nil
	}
	return text
}

func statusOf(err error) int {
	is := func(list ...error) bool {
		for _, target := range list {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil:
		return http.StatusCreated
	case is(client.ErrBadAnswer):
		return http.StatusUnprocessableEntity
	case is(client.ErrNoSaga, events.ErrNoType):
		return http.StatusNotFound
	case is(client.ErrNotWaiting, client.ErrAnswered, client.ErrAnswers, client.ErrTurned, client.ErrEnded, client.ErrCommitted):
		return http.StatusConflict
	default:
		return http.StatusServiceUnavailable
	}
}
