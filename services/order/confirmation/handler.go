package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/mail"
	"github.com/unwind-saga/unwind/services/order/purchase"
)

type settings struct {
	Host     string        `yaml:"host"`
	Port     int           `yaml:"port"`
	Security mail.Security `yaml:"security"`
	Username string        `yaml:"username"`
	Password string        `yaml:"password"`
	From     string        `yaml:"from"`
}

func open(_ context.Context, cfg config.Config) (agent.Handler, func(), error) {
	var s settings
	if err := cfg.Settings(&s); err != nil {
		return agent.Handler{}, nil, err
	}
	if s.Host == "" {
		return agent.Handler{}, nil, errors.New("settings.host is empty\nhint: `go run ./services/order/outside` starts a mail server, and says what to set")
	}
	sender, err := mail.New(s.Host, s.From, mail.Config{
		Port: s.Port, Security: s.Security, Username: s.Username, Password: s.Password,
	})
	if err != nil {
		return agent.Handler{}, nil, err
	}
	return agent.Handler{Perform: func(ctx context.Context, t agent.Task) (agent.Result, error) {
		return tell(ctx, sender, t)
	}}, nil, nil
}

// tell sends the confirmation. It is the step's letter and not the agent's: the
// same Message-ID whichever server it goes through, so that one that was sent
// again after its answer was lost is seen to be the same.
func tell(ctx context.Context, sender *mail.Sender, t agent.Task) (agent.Result, error) {
	p, err := purchase.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Unavailable("bad_purchase", err)
	}
	var quote purchase.Quote
	var from purchase.Reservation
	if err := errors.Join(t.Result("quote", &quote), t.Result("stock", &from)); err != nil {
		return agent.Result{}, agent.Unavailable("bad_results", err)
	}
	id, err := sender.Send(ctx, saga.Key(t.Type, t.ID, t.Step, "letter"), mail.Message{
		To:      p.Email,
		Subject: "Your order " + t.ID,
		Text: fmt.Sprintf("Dear %s,\n\nthank you. Your order is paid, and leaves our warehouse in %s:\n%s.\n\nReference: %s\n",
			p.Name, from.Warehouse, quote.Words, t.ID),
	})
	return agent.Result{Data: map[string]string{"letter": id}}, failure(err)
}

// failure reads a mail server's answer. The money is taken: nothing that a server
// says of an address or a text sends the order back any more. What this server
// refuses, the next one may take.
func failure(err error) error {
	e, ok := errors.AsType[*mail.Error](err)
	if !ok {
		return err
	}
	f := &agent.Failure{Class: events.Class(e.Class), Err: err}
	if f.Class == events.Refused {
		f.Class = events.Unavailable
	}
	if e.Code != 0 {
		f.Code = fmt.Sprintf("smtp_%d", e.Code)
	}
	return f
}
