package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// What a provider answered stands in the history, and nowhere in the logs.
func TestTheAnswerIsKept(t *testing.T) {
	most := strings.Repeat("x", events.MaxRaw-1)
	for name, c := range map[string]struct {
		err  error
		want *events.Raw
	}{
		"none":                       {errOops, nil},
		"a little":                   {&agent.Failure{Raw: []byte("<html>secret</html>"), Err: errOops}, &events.Raw{Text: "<html>secret</html>"}},
		"wrapped":                    {fmt.Errorf("ask: %w", &agent.Failure{Raw: []byte("secret")}), &events.Raw{Text: "secret"}},
		"as much as is kept":         {&agent.Failure{Raw: []byte(most + "x")}, &events.Raw{Text: most + "x"}},
		"more":                       {&agent.Failure{Raw: []byte(most + "xyz")}, &events.Raw{Text: most + "x", Cut: 2}},
		"cut between two letters":    {&agent.Failure{Raw: []byte(most + "€ secret")}, &events.Raw{Text: most, Cut: 10}},
		"cut behind a letter":        {&agent.Failure{Raw: []byte(most[2:] + "€ secret")}, &events.Raw{Text: most[2:] + "€", Cut: 7}},
		"no text":                    {&agent.Failure{Raw: []byte{'a', 0xff, 0xfe, 'b'}}, &events.Raw{Text: "a?b"}},
		"a long one that is no text": {&agent.Failure{Raw: []byte(strings.Repeat("\x80", events.MaxRaw+7))}, &events.Raw{Text: "?", Cut: 7}},
		"a body":                     {answered(502, "<html>secret</html>"), &events.Raw{Text: "<html>secret</html>"}},
		"a long body":                {answered(502, most+"xyz"), &events.Raw{Text: most + "x", Cut: 2}},
		"a very long body":           {answered(502, most+"x"+strings.Repeat("z", 1<<17)), &events.Raw{Text: most + "x", Cut: 1 << 17}},
		"a body of letters":          {answered(502, most+"€ secret"), &events.Raw{Text: most, Cut: 10}},
		"a body that breaks off":     {agent.FromResponse(&http.Response{StatusCode: http.StatusInternalServerError, Body: io.NopCloser(io.MultiReader(strings.NewReader("secret"), broken{}))}), &events.Raw{Text: "secret"}},
		"an empty body":              {answered(502, ""), nil},
		"no body":                    {agent.FromResponse(&http.Response{StatusCode: http.StatusInternalServerError}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				p := w.start(seat, does(func(context.Context) (agent.Result, error) { return agent.Result{}, c.err }))
				w.submit("1", `{}`)
				w.sleep(time.Second)
				f, _ := find[events.Failure](w, "1", "seat", "failed-1")
				assert.Equal(w, c.want, f.Raw)
				turn, _ := find[events.Turn](w, "1", "", "unwinding")
				assert.Equal(w, &f.Error, turn.Error)
				for _, e := range w.events("1") {
					if e.Subject.Kind != events.Failed {
						assert.NotContains(w, string(e.Data), "secret", "it is written once")
					}
				}
				assert.Contains(w, p.logs.String(), "attempt failed")
				assert.NotContains(w, p.logs.String(), "secret")
			})
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("reset") }

func answered(status int, body string) error {
	return agent.FromResponse(&http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader(body))})
}

// What worked is left alone: its body is the caller's to read.
func TestTheBodyOfASuccessIsNotRead(t *testing.T) {
	body := strings.NewReader("all of it")
	require.NoError(t, agent.FromResponse(&http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}))
	assert.Equal(t, 9, body.Len())
}
