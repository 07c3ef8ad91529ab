package serve_test

import (
	"net/http"
	"strings"
	"testing"
)

// A name without an end would never be written, however often it is tried.
func TestWhoCancelsHasANameOfABoundedLength(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		got := w.ask(t, http.MethodPost, "/v1/sagas/trip/1/cancel", `{"reason": "so", "by": "`+strings.Repeat("x", 129)+`"}`)
		if got.Code != 422 || !strings.Contains(got.Body.String(), "at most 128") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}
