package inbox

import (
	"errors"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one client's conversation.
type session struct {
	inbox   *Inbox
	conn    *smtp.Conn
	trusted bool
	from    string
	to      []string
}

func (b *Inbox) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{inbox: b, conn: c, trusted: b.config.Username == ""}, nil
}

func (s *session) AuthMechanisms() []string {
	if s.inbox.config.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.inbox.config.Username || password != s.inbox.config.Password {
			return smtp.ErrAuthFailed
		}
		s.trusted = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.trusted {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch s.inbox.faults.strike(Refuse, Defer) {
	case Refuse:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox"}
	case Defer:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := Message{From: s.from, To: s.to, Raw: raw}
	switch s.inbox.faults.strike(Spam, Full, Cut, Lose, Hang) {
	case Spam:
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Not wanted here"}
	case Full:
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "Mailbox full"}
	case Cut:
		s.inbox.keep(m)
		return s.hangUp()
	case Lose:
		return s.hangUp()
	case Hang:
		s.inbox.keep(m)
		s.untilGone()
		return s.hangUp()
	}
	s.inbox.keep(m)
	return nil
}

func (s *session) hangUp() error {
	_ = s.conn.Conn().Close()
	return errors.New("hung up")
}

// untilGone waits for the client to leave. It has nothing to say before it has
// an answer, so that a read ends only with the connection.
func (s *session) untilGone() {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = s.conn.Conn().Read(make([]byte, 1))
	}()
	select {
	case <-gone:
	case <-s.inbox.closed:
		_ = s.conn.Conn().Close()
		<-gone
	}
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }
