package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/mail"
)

// schema is the book of letters: to whom each was to go.
const schema = `CREATE TABLE IF NOT EXISTS letters (
	key   TEXT PRIMARY KEY,
	email TEXT NOT NULL
) STRICT`

type settings struct {
	Host     string        `yaml:"host"`
	Port     int           `yaml:"port"`
	Security mail.Security `yaml:"security"`
	Username string        `yaml:"username"`
	Password string        `yaml:"password"`
	From     string        `yaml:"from"`
}

type notification struct {
	kyc.Office
	sender *mail.Sender
}

func open(o kyc.Office) (agent.Handler, error) {
	var s settings
	if err := o.Config.Settings(&s); err != nil {
		return agent.Handler{}, err
	}
	sender, err := mail.New(s.Host, s.From, mail.Config{
		Port: s.Port, Security: s.Security, Username: s.Username, Password: s.Password,
	})
	if err != nil {
		return agent.Handler{}, err
	}
	n := notification{o, sender}
	outside := barrier.Outside{Perform: n.tell, Undo: n.correct}
	return agent.Handler{
		Perform:       o.Store.PerformOutside(outside),
		Compensations: agent.Compensations{"send-correction": o.Store.CompensateOutside(outside)},
	}, nil
}

// tell sends the mail. To whom it goes is noted before: if its end is never
// known, a correction must go to the same.
func (n notification) tell(ctx context.Context, t agent.Task) (agent.Result, error) {
	a, err := applicant.Read(t.Payload)
	if err != nil {
		return agent.Result{}, agent.Refuse("bad_applicant", "%w", err)
	}
	if err := n.Store.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO letters VALUES (?, ?)`, t.Key, a.Email)
		return err
	}); err != nil {
		return agent.Result{}, fmt.Errorf("note whom to tell: %w", err)
	}
	_, err = n.sender.Send(ctx, t.Key, mail.Message{
		To:      a.Email,
		Subject: "Your identity is confirmed",
		Text:    fmt.Sprintf("Dear %s,\n\nyour documents have been checked, and all is well.\n\nReference: %s\n", a.Name, t.ID),
	})
	if err != nil {
		return agent.Result{}, kyc.Failure(err)
	}
	return agent.Result{Data: map[string]string{"told": a.Email}}, nil
}

// correct undoes as much as a mail can be undone: it tells the same person that
// it does not hold.
func (n notification) correct(ctx context.Context, u agent.Undo) error {
	var email string
	if err := n.Store.DB().QueryRowContext(ctx, `SELECT email FROM letters WHERE key = ?`, u.Of).Scan(&email); err != nil {
		return fmt.Errorf("look up whom the mail of saga %s went to: %w", u.ID, err)
	}
	_, err := n.sender.Send(ctx, u.Of+"/undo", mail.Message{
		To:      email,
		Subject: "Correction: your identity is not confirmed",
		Text:    fmt.Sprintf("Please disregard our last message: the check was not completed.\n\nReference: %s\n", u.ID),
	})
	return kyc.Failure(err)
}
