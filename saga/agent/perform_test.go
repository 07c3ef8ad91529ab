package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// What the author's function is told.
func TestTask(t *testing.T) {
	bubble(t, func(w *world) {
		var got []agent.Task
		var left []time.Duration
		cfg := config.Config{Agent: "stripe", Step: "charge", After: []string{"seat"}, Final: true, RetryPolicy: every(1), Timeout: time.Minute, Deadline: time.Hour}
		w.start(config.Config{Agent: "seat", Deadline: time.Hour, RetryPolicy: once}, takes(5*time.Second))
		w.start(cfg, agent.Handler{Perform: func(ctx context.Context, t agent.Task) (agent.Result, error) {
			end, _ := ctx.Deadline()
			got, left = append(got, t), append(left, time.Until(end))
			if len(got) == 1 {
				return agent.Result{}, agent.RetryAfter(59*time.Minute, errOops)
			}
			return agent.Result{Data: 7}, nil
		}})
		w.submit("42", `{"n":1}`)
		w.sleep(2 * time.Hour)

		want := agent.Task{
			Type: "trip", ID: "42", Step: "charge", Agent: "stripe", Attempt: 1, Key: "trip/42/charge/stripe",
			Payload: json.RawMessage(`{"n":1}`), Results: map[string]json.RawMessage{"seat": json.RawMessage(`"done"`)},
			Deadline: w.began.Add(time.Hour), Left: time.Minute,
		}
		require.Len(w, got, 2)
		for i := range got {
			assert.True(w, want.Deadline.Equal(got[i].Deadline))
			got[i].Deadline = want.Deadline
		}
		assert.Equal(w, want, got[0])
		want.Attempt, want.Left = 2, 55*time.Second
		assert.Equal(w, want, got[1], "the deadline is near")
		assert.Equal(w, []time.Duration{time.Minute, time.Minute}, left, "a call may take its timeout")
		assert.Equal(w, saga.Completed, w.status("42"))
		end, _ := find[events.End](w, "42", "", "completed")
		assert.Equal(w, map[string]json.RawMessage{"seat": json.RawMessage(`"done"`), "charge": json.RawMessage(`7`)}, end.Result)
	})
}

func TestBadResults(t *testing.T) {
	schema, err := config.NewSchema("result.schema.json", []byte(`{"type":"object","required":["seat"]}`))
	require.NoError(t, err)
	large, inline := strings.Repeat("x", events.MaxPayload), strings.Repeat("x", events.MaxInline-2)
	begin := func(of int64) *events.Raw {
		return &events.Raw{Text: `"` + large[:events.MaxRaw-1], Cut: of - events.MaxRaw}
	}
	for name, c := range map[string]struct {
		result agent.Result
		schema *config.Schema
		want   string
		raw    *events.Raw
	}{
		"no JSON":               {agent.Result{Data: math.NaN()}, nil, "the result is no JSON: json: unsupported value: NaN", nil},
		"no JSON in the token":  {agent.Result{Undo: func() {}}, nil, "the undo token is no JSON: json: unsupported type: func()", nil},
		"broken JSON":           {agent.Result{Data: json.RawMessage("{")}, nil, "the result is no JSON: json: error calling MarshalJSON for type json.RawMessage: unexpected end of JSON input", &events.Raw{Text: "{"}},
		"too large":             {agent.Result{Data: strings.Repeat("x", events.MaxResult)}, nil, "the result has 67108866 bytes, 67108864 are allowed", begin(67108866)},
		"a token too large":     {agent.Result{Undo: large}, nil, "the undo token, and the result if it travels with it, have 524290 bytes, 524288 are allowed", nil},
		"too large together":    {agent.Result{Data: inline, Undo: large[:events.MaxPayload-events.MaxInline-1]}, nil, "the undo token, and the result if it travels with it, have 524289 bytes, 524288 are allowed", begin(events.MaxInline)},
		"not what it should be": {agent.Result{Data: map[string]int{"bus": 1}}, schema, "the result does not fit result_schema: /: missing property 'seat'", &events.Raw{Text: `{"bus":1}`}},
		"nothing at all":        {agent.Result{}, schema, "the result does not fit result_schema: /: is empty, want JSON", nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := seat
				cfg.ResultSchema, cfg.RetryPolicy = c.schema, every(1)
				w.start(cfg, does(func(context.Context) (agent.Result, error) { return c.result, nil }))
				w.submit("1", `{}`)
				w.sleep(time.Minute)
				f, _ := find[events.Failure](w, "1", "seat", "failed-1")
				assert.Equal(w, events.Failure{
					Agent: "seat", Class: events.Transient, Left: events.LeftUnknown, // it said that it worked
					Error: events.Error{Code: "bad_result", Message: c.want},
					Then:  events.ThenRetry, Due: events.Duration(time.Second), Raw: c.raw,
				}, f)
				assert.Equal(w, saga.Compensated, w.status("1"))
			})
		})
	}
}

func TestResultsThatFit(t *testing.T) {
	schema, err := config.NewSchema("result.schema.json", []byte(`{"type":"object","required":["seat"]}`))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		result agent.Result
		schema *config.Schema
	}{
		"nothing":             {agent.Result{}, nil},
		"as large as allowed": {agent.Result{Data: strings.Repeat("x", events.MaxResult-2), Undo: strings.Repeat("x", events.MaxPayload-2)}, nil},
		"just inline":         {agent.Result{Data: strings.Repeat("x", events.MaxInline-2), Undo: strings.Repeat("x", events.MaxPayload-events.MaxInline-2)}, nil},
		"what it should be":   {agent.Result{Data: map[string]int{"seat": 1}}, schema},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := seat
				cfg.ResultSchema = c.schema
				w.start(cfg, does(func(context.Context) (agent.Result, error) { return c.result, nil }))
				w.submit("1", `{}`)
				w.sleep(time.Second)
				assert.Equal(w, saga.Completed, w.status("1"))
			})
		})
	}
}

// I7: every failure has its name in the history.
func TestFailuresAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want events.Failure
	}{
		"a plain error":            {errOops, events.Failure{Class: events.Transient, Left: events.LeftNothing, Error: events.Error{Code: "transient", Message: "oops"}}},
		"refused":                  {agent.Refuse("declined", "no money"), events.Failure{Class: events.Refused, Left: events.LeftNothing, Error: events.Error{Code: "declined", Message: "no money"}}},
		"unavailable":              {agent.Unavailable("quota", errOops), events.Failure{Class: events.Unavailable, Left: events.LeftNothing, Error: events.Error{Code: "quota", Message: "oops"}}},
		"unknown":                  {agent.Unknown(errOops), events.Failure{Class: events.Unknown, Left: events.LeftUnknown, Error: events.Error{Code: "unknown", Message: "oops"}}},
		"a dead key":               {fmt.Errorf("book: %w", agent.ErrDead), events.Failure{Class: events.Unavailable, Left: events.LeftNothing, Error: events.Error{Code: "dead", Message: "book: this key was compensated"}}},
		"a time-out of its own":    {context.DeadlineExceeded, events.Failure{Class: events.Unknown, Left: events.LeftUnknown, Error: events.Error{Code: "timeout", Message: "context deadline exceeded"}}},
		"cancelled by itself":      {context.Canceled, events.Failure{Class: events.Unknown, Left: events.LeftUnknown, Error: events.Error{Code: "unknown", Message: "context canceled"}}},
		"nothing found, forward":   {agent.ErrNothingFound, events.Failure{Class: events.Transient, Left: events.LeftNothing, Error: events.Error{Code: "transient", Message: "nothing to undo"}}},
		"a code without its error": {agent.Unavailable("quota", nil), events.Failure{Class: events.Unavailable, Left: events.LeftNothing, Error: events.Error{Code: "quota", Message: "quota"}}},
		"a class without its code": {agent.Unavailable("", errOops), events.Failure{Class: events.Unavailable, Left: events.LeftNothing, Error: events.Error{Code: "unavailable", Message: "oops"}}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.start(seat, does(func(context.Context) (agent.Result, error) { return agent.Result{}, c.err }))
				w.submit("1", `{}`)
				w.sleep(time.Second)
				f, _ := find[events.Failure](w, "1", "seat", "failed-1")
				c.want.Agent, c.want.Then = "seat", events.ThenBack
				assert.Equal(w, c.want, f)
				turn, _ := find[events.Turn](w, "1", "", "unwinding")
				assert.Equal(w, events.ReasonFailed, turn.Reason)
				assert.Equal(w, &c.want.Error, turn.Error)
			})
		})
	}
}

// Whole answers of servers are quoted in errors. An event that is too large for
// the broker would be tried for ever.
func TestALongErrorIsCut(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.CompensationHandler = "undo"
		h := does(func(context.Context) (agent.Result, error) {
			return agent.Result{}, agent.Unknown(errors.New(strings.Repeat("€", 1<<20)))
		})
		h.Compensations = agent.Compensations{"undo": func(context.Context, agent.Undo) error {
			return errors.New(strings.Repeat("x", 1<<20))
		}}
		w.start(cfg, h)
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		assert.Equal(w, saga.Stuck, w.status("1"))
		for _, e := range w.events("1") {
			assert.Less(w, len(e.Data), 64<<10, e.Subject)
			assert.NotContains(w, string(e.Data), `\ufffd`, "it is cut between letters")
		}
		f, _ := find[events.Failure](w, "1", "seat", "failed-1")
		assert.True(w, strings.HasSuffix(f.Error.Message, "€ ..."), "it says that it was cut")
	})
}

// A call that heeds its context ends in time; nobody knows what it did.
func TestTimeout(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Timeout = 5 * time.Second
		w.start(cfg, takes(time.Hour))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		f, at := find[events.Failure](w, "1", "seat", "failed-1")
		assert.Equal(w, 5*time.Second, at)
		assert.Equal(w, events.Unknown, f.Class)
		assert.Equal(w, events.LeftUnknown, f.Left)
		assert.Equal(w, "timeout", f.Error.Code)
	})
}

// One that ignores it is left behind a second later, and whatever it says then
// is not heard.
func TestTimeoutIgnored(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Timeout, cfg.RetryPolicy = 5*time.Second, every(1)
		var calls atomic.Int32
		p := w.start(cfg, does(func(context.Context) (agent.Result, error) {
			if calls.Add(1) == 1 {
				time.Sleep(20 * time.Second)
				return agent.Result{Data: "late"}, nil
			}
			return agent.Result{Data: "in time"}, nil
		}))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		f, at := find[events.Failure](w, "1", "seat", "failed-1")
		assert.Equal(w, 6*time.Second, at)
		assert.Equal(w, events.Failure{
			Agent: "seat", Class: events.Unknown, Left: events.LeftUnknown, Then: events.ThenRetry, Due: events.Duration(time.Second),
			Error: events.Error{Code: "timeout", Message: "the call goes on after its timeout of 5s: context deadline exceeded"},
		}, f)
		done, at := find[events.Done](w, "1", "seat", "completed")
		assert.Equal(w, 7*time.Second, at, "the next attempt does not wait for it")
		assert.JSONEq(w, `"in time"`, string(done.Result))
		assert.Equal(w, saga.Completed, w.status("1"))
		assert.NoError(w, p.end())
	})
}

// A call that ends within the second of grace is believed.
func TestTimeoutAlmostMissed(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Timeout = 5 * time.Second
		w.start(cfg, does(func(context.Context) (agent.Result, error) {
			time.Sleep(5900 * time.Millisecond)
			return agent.Result{}, nil
		}))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		assert.Equal(w, saga.Completed, w.status("1"))
	})
}

func TestPanic(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.RetryPolicy = every(1)
		p := w.start(cfg, does(func(context.Context) (agent.Result, error) { return panickingHandler() }))
		w.submit("1", `{"name": "a secret"}`)
		w.sleep(time.Minute)
		f, _ := find[events.Failure](w, "1", "seat", "failed-1")
		assert.Equal(w, events.Failure{
			Agent: "seat", Class: events.Transient, Left: events.LeftUnknown, Then: events.ThenRetry, Due: events.Duration(time.Second),
			Error: events.Error{Code: "panic", Message: "panic: the seat map is upside down"},
		}, f)
		assert.Equal(w, saga.Compensated, w.status("1"))
		log := p.logs.String()
		assert.Contains(w, log, "the handler panicked")
		assert.Contains(w, log, "panickingHandler", "its stack")
		assert.Contains(w, log, "saga=1 attempt=1")
		assert.NotContains(w, log, "a secret")
	})
}

func panickingHandler() (agent.Result, error) { panic("the seat map is upside down") }

func TestRejectedTasks(t *testing.T) {
	schema, err := config.NewSchema("task.schema.json", []byte(`{"required":["seat"]}`))
	require.NoError(t, err)
	for name, c := range map[string]struct{ task, want string }{
		"no JSON":                {"seat 12A", "the task is not JSON"},
		"nothing":                {"", "the task is not JSON"},
		"more than one":          {"{} {}", "the task is not JSON"},
		"too large":              {`"` + strings.Repeat("x", events.MaxPayload) + `"`, "the task has 524290 bytes, 524288 are allowed"},
		"not what it is to be":   {`{"bus":1}`, "the task does not fit task_schema: /: missing property 'seat'"},
		"too large and not JSON": {strings.Repeat("x", events.MaxPayload+1), "the task has 524289 bytes, 524288 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := seat
				cfg.TaskSchema = schema
				p := w.start(cfg, takes(0))
				w.submit("1", c.task)
				w.sleep(time.Second)
				assert.Equal(w, []string{"task.submitted@0s", "task.rejected@0s", "saga.unwinding@0s", "saga.compensated@0s"}, w.history("1"))
				r, _ := find[events.Rejection](w, "1", "", "rejected")
				assert.Equal(w, events.Rejection{Agent: "seat", Error: events.Error{Code: "rejected", Message: c.want}}, r)
				assert.Equal(w, saga.Rejected, w.status("1"))
				// The task, and the latch that all agents hear.
				assert.Equal(w, 2, p.Counts().Acks)

				w.submit("2", `{"seat":"12A"}`)
				w.sleep(time.Second)
				assert.Equal(w, saga.Completed, w.status("2"))
			})
		})
	}
}

type badJSON struct{}

func (badJSON) MarshalJSON() ([]byte, error) { panic("boom") }

type badError struct{}

func (*badError) Error() string { panic("boom") }

// TestPanicsInAnswers: what the author's code does while its answer is read is
// the call's, too.
func TestPanicsInAnswers(t *testing.T) {
	for name, answer := range map[string]func() (agent.Result, error){
		"a result": func() (agent.Result, error) { return agent.Result{Data: badJSON{}}, nil },
		"an error": func() (agent.Result, error) { return agent.Result{}, &badError{} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.start(seat, does(func(context.Context) (agent.Result, error) { return answer() }))
				w.submit("1", `{}`)
				w.sleep(time.Minute)
				f, _ := find[events.Failure](w, "1", "seat", "failed-1")
				assert.Equal(w, "panic", f.Error.Code)
				assert.Equal(w, events.LeftUnknown, f.Left)
			})
		})
	}
}
