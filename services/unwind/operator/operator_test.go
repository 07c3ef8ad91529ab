package operator_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/operator"
)

func load(t *testing.T, text string) (*operator.Operator, error) {
	t.Helper()
	cfg, err := config.Parse("agent.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return operator.New(cfg)
}

const approval = `
agent: approval
saga: trip
compensation_handler: ask
settings:
  question: 'May {{.task.name}} go to {{.task.to}} for {{.task.price}}?'
  within: 4h
  undo: Tell the driver.
`

const pay = `
agent: pay
saga: trip
after: [approval]
final: true
compensation_handler: none
`

func TestMistakes(t *testing.T) {
	head := "agent: a\nsaga: trip\ncompensation_handler: "
	for name, c := range map[string]struct{ text, says string }{
		"no question":   {head + "none\nsettings: {within: 4h}", "agent.yaml:4:11: settings.question: is missing"},
		"no template":   {head + "none\nsettings: {question: 'to {{.task.to'}", "is no template"},
		"unknown name":  {head + "none\nsettings: {question: 'to {{.tsak.to}}'}", "names .tsak, which there is not: want one of .task, .results"},
		"within if":     {head + "none\nsettings: {question: '{{if .task.to}}{{$.wat}}{{end}}'}", "names .wat"},
		"negative":      {head + "none\nsettings: {question: so, within: -4h}", "settings.within: must not be negative"},
		"no handler":    {head + "undo\nsettings: {question: so}", "compensation_handler: must be none or ask"},
		"ask what":      {head + "ask\nsettings: {question: so}", "settings.undo: is missing"},
		"undo for none": {head + "none\nsettings: {question: so, undo: that}", "is for the compensation_handler ask"},
		"unknown key":   {head + "none\nsettings: {question: so, wthin: 4h}", "settings.wthin: unknown key, did you mean within?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("New: %v, want %q in it", err, c.says)
			}
		})
	}
	if _, err := load(t, head+"none\nsettings: {question: '{{range .results.seats}}{{.name}}{{end}}{{with .task}}{{.to}}{{end}}'}"); err != nil {
		t.Error(err)
	}
}

// play runs an approval, and an agent after it that refuses when told so.
func play(t *testing.T, declines bool, test func(t *testing.T, ctx context.Context, log events.Log)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		log := eventtest.NewLog()
		logger := slog.New(slog.NewTextHandler(t.Output(), nil))
		o, err := load(t, approval)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Parse("agent.yaml", []byte(pay), nil)
		if err != nil {
			t.Fatal(err)
		}
		h := agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) {
			if declines {
				return agent.Result{}, agent.Refuse("declined", "the card is declined")
			}
			return agent.Result{Data: "paid"}, nil
		}}
		done := make(chan error, 2)
		go func() { done <- operator.Run(ctx, log, agent.Options{Logger: logger}, o) }()
		go func() { done <- agent.Options{Logger: logger}.Run(ctx, log, cfg, h) }()
		synctest.Wait()
		if _, err := client.Submit(ctx, log, "trip", "1", []byte(`{"name": "Ada", "to": "Rome", "price": 1000000}`), "shop"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(t, ctx, log)
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		log.Close()
	})
}

func item(t *testing.T, ctx context.Context, log events.Log) client.Item {
	t.Helper()
	items, err := client.Inbox(ctx, log)
	if err != nil || len(items) != 1 {
		t.Fatalf("the inbox has %+v, %v", items, err)
	}
	return items[0]
}

func answer(t *testing.T, ctx context.Context, log events.Log, o events.Outcome) *saga.State {
	t.Helper()
	a := events.Answer{Outcome: o, By: "ada"}
	if o == events.OutcomeCompleted {
		a.Data = []byte(`"rang the driver"`)
	}
	if err := client.Answer(ctx, log, "trip", "1", "approval", a); err != nil {
		t.Fatal(err)
	}
	s, err := client.Wait(ctx, log, "trip", "1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAsks(t *testing.T) {
	play(t, false, func(t *testing.T, ctx context.Context, log events.Log) {
		i := item(t, ctx, log)
		if i.Question != "May Ada go to Rome for 1000000?" || i.WaitsFor != "a person's answer" || i.Until.Sub(i.Since) != 4*time.Hour {
			t.Errorf("it asks %+v", i)
		}
		if s := answer(t, ctx, log, events.OutcomeCompleted); s.Status() != saga.Completed {
			t.Errorf("it is %s", s.Status())
		}
	})
}

func TestQuestionNamesWhatIsNotThere(t *testing.T) {
	o, err := load(t, "agent: a\nsaga: trip\ncompensation_handler: none\nsettings: {question: 'to {{.task.to}}, {{.results.seat.row}}'}")
	if err != nil {
		t.Fatal(err)
	}
	for task, want := range map[string]string{
		`{"to": "Rome"}`: `(This could not be filled in: at <.results.seat.row>: map has no entry for key "seat".)`,
		`{}`:             `map has no entry for key "to"`,
		`[1]`:            `could not be filled in`,
	} {
		if got := operator.Question(o, agent.Task{Payload: []byte(task)}); !strings.Contains(got, want) || !strings.HasPrefix(got, "to {{.task.to}}") {
			t.Errorf("of %s it asks %q, want %q in it", task, got, want)
		}
	}
}

func TestUndoAsksWhenAPersonHadDoneIt(t *testing.T) {
	play(t, true, func(t *testing.T, ctx context.Context, log events.Log) {
		if s := answer(t, ctx, log, events.OutcomeCompleted); s.Status() != saga.Stuck {
			t.Fatalf("it is %s", s.Status())
		}
		i := item(t, ctx, log)
		want := `a person must undo by hand what ada did: Tell the driver. (the answer was "rang the driver")`
		if i.Need != client.NeedUndo || len(i.Tries) != 1 || i.Tries[0].Error.Message != want {
			t.Errorf("it asks %+v, %+v", i, i.Tries)
		}
		if err := client.Resolve(ctx, log, "trip", "1", "approval", "approval", "ada", "told him"); err != nil {
			t.Fatal(err)
		}
		if s, err := client.Wait(ctx, log, "trip", "1"); err != nil || s.Status() != saga.Compensated {
			t.Errorf("it is %s, %v", s.Status(), err)
		}
	})
}

func TestUndoFindsNothingWhereNobodyDidAnything(t *testing.T) {
	play(t, true, func(t *testing.T, ctx context.Context, log events.Log) {
		if err := client.Cancel(ctx, log, "trip", "1", "ada", "so"); err != nil {
			t.Fatal(err)
		}
		s, err := client.Wait(ctx, log, "trip", "1")
		if err != nil || s.Status() != saga.Compensated || s.Step("approval").Undo("approval").Done.Found != events.FoundNothing {
			t.Errorf("it is %s, %v", s.Status(), err)
		}
	})
}
