package config

import (
	"reflect"
	"testing"
)

func TestOutside(t *testing.T) {
	c := parse(t, `
agent: a
saga: s
handler: {http: "http://127.0.0.1:8080/perform", start: [python3, agent.py]}
compensation: {http: "http://127.0.0.1:8080/compensate"}
`)
	want := &Outside{HTTP: "http://127.0.0.1:8080/perform", Start: []string{"python3", "agent.py"}}
	if !reflect.DeepEqual(c.Handler, want) || c.Compensation.HTTP != "http://127.0.0.1:8080/compensate" || c.CompensationHandler != OutsideHandler {
		t.Errorf("%+v, %+v, %s", c.Handler, c.Compensation, c.CompensationHandler)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	// That nothing is to be undone is said, and not guessed.
	c = parse(t, "agent: a\nsaga: s\nhandler: {exec: [python3, agent.py]}\n")
	if !reflect.DeepEqual(c.Handler.Exec, []string{"python3", "agent.py"}) || c.CompensationHandler != "" {
		t.Errorf("%+v, %s", c.Handler, c.CompensationHandler)
	}
}
