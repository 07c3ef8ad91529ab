package sidecar

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/unwind-saga/unwind/saga/agent"
)

// FuzzAnswer: whatever a program says, what is made of it can be written.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		`{"outcome": "completed", "data": {"a": 1}, "undo": [2]}`, `{"outcome": "retry", "error": {"code": "busy", "retry_after": "1m30s"}}`,
		`{"outcome": "pending", "pending": {"for": "a scan", "within": 3600}}`, `{"outcome": null}`, `[]`, ``, `{"outcome": "nothing"}`,
		`{"error": {"code": 1}}`, "\"\xff\"", `{"outcome": "retry", "error": {"retry_after": 1e300}}`,
	} {
		for _, status := range []int{200, 202, 404, 422, 503} {
			f.Add(status, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		for _, asked := range []string{perform, compensate} {
			a, err := said(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"3"}}, Body: http.NoBody}, text, asked)
			var r agent.Result
			switch {
			case err != nil:
			case asked == compensate:
				err = a.undone(text)
			default:
				r, err = a.result(text)
			}
			var failure *agent.Failure
			if errors.As(err, &failure) && (len(failure.Code) > 64 || failure.RetryAfter < 0) {
				t.Errorf("%s of %d %q: %+v", asked, status, text, failure)
			}
			for _, v := range []any{r.Data, r.Undo} {
				if b, err := json.Marshal(v); err != nil || !utf8.Valid(b) {
					t.Errorf("of %d %q comes %q, %v", status, text, b, err)
				}
			}
			if r.Pending != nil && (r.Pending.Within < 0 || len(r.Pending.For) > 1<<10 || len(r.Pending.Question) > 8<<10) {
				t.Errorf("of %d %q comes %+v", status, text, r.Pending)
			}
		}
	})
}
