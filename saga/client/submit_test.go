package client_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/client"
)

func TestSubmitRefuses(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Submit(t.Context(), log, "trip", "used", []byte(`{}`), "shop"); err != nil {
		t.Fatal(err)
	}
	large := append(append([]byte(`"`), bytes.Repeat([]byte("x"), events.MaxPayload)...), '"')
	for name, c := range map[string]struct {
		typ, id, payload string
		is               error
		says             string
	}{
		"not JSON":      {"trip", "1", `{"a": 1,}`, nil, "hint: look at line 1, column 9"},
		"broken later":  {"trip", "1", "{\n  \"ä\": x\n}", nil, "hint: look at line 2, column 8"},
		"cut off":       {"trip", "1", `{"a": `, nil, "the payload is not JSON"},
		"empty":         {"trip", "1", ``, nil, "at least {}"},
		"too large":     {"trip", "1", string(large), nil, "524290 bytes, 524288 are allowed"},
		"bad type":      {"Trip", "1", `{}`, nil, `saga type "Trip"`},
		"bad id":        {"trip", "a.b", `{}`, nil, `'.' is not allowed`},
		"no id":         {"trip", "", `{}`, nil, "saga id: it is empty"},
		"an id twice":   {"trip", "used", `{}`, client.ErrDuplicate, "hint: an id is never used again"},
		"unknown types": {"tripp", "1", `{}`, events.ErrNoType, "there are trip"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Submit(t.Context(), log, c.typ, c.id, []byte(c.payload), "shop")
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Submit: %v, want %q in it", err, c.says)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("Submit: %v is no %v", err, c.is)
			}
		})
	}
	if history, _ := log.History(t.Context(), "trip", "1", 0); len(history) > 0 {
		t.Errorf("a refused task was written: %v", history)
	}
}

func TestSubmitKeepsThePayload(t *testing.T) {
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(t.Context(), "trip"); err != nil {
		t.Fatal(err)
	}
	seq, err := client.Submit(t.Context(), log, "trip", "1", []byte(` {"price": 1e3, "tag": "<b>"} `), "shop")
	if err != nil {
		t.Fatal(err)
	}
	history, err := log.History(t.Context(), "trip", "1", seq)
	if err != nil || len(history) != 1 {
		t.Fatalf("History: %v, %v", history, err)
	}
	e := history[0]
	if e.Source != "shop" || e.Seq != seq {
		t.Errorf("the task is of %q at %d, want shop at %d", e.Source, e.Seq, seq)
	}
	if got := string(e.Data); got != `{"price": 1e3, "tag": "<b>"}` && got != `{"price":1e3,"tag":"\u003cb\u003e"}` {
		t.Errorf("the payload became %s", got)
	}
}
