package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/textproto"
	"slices"

	gomail "github.com/wneessen/go-mail"
)

// Sender sends through one server in one name.
type Sender struct {
	host, from, domain string
	options            []gomail.Option
	tls                *tls.Config // of an implicit TLS; nil: none
}

// Message is a text to one person.
type Message struct {
	To      string // "anna@utopia.example" or "Anna <anna@utopia.example>"
	Subject string
	Text    string
}

// New makes a Sender; it connects to nothing yet. From is the sender's address,
// whose domain the Message-IDs have.
func New(host, from string, config Config) (*Sender, error) {
	s := &Sender{host: host, from: from}
	if config.Security == Implicit {
		s.tls = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
		if config.TLS != nil {
			s.tls = config.TLS
		}
	}
	var err error
	if s.domain, err = domain(from); err != nil {
		return nil, fmt.Errorf("configure mail from: %w", err)
	}
	if s.options, err = config.options(); err != nil {
		return nil, fmt.Errorf("configure mail through %s: %w", host, err)
	}
	if _, err = gomail.NewClient(host, s.options...); err != nil {
		return nil, fmt.Errorf("configure mail through %s: %w", host, err)
	}
	return s, nil
}

// MessageID is the id that every message with this key from this domain has,
// without its angle brackets.
func MessageID(key, domain string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// Send sends m over a connection of its own and returns its Message-ID. An error
// is an [*Error]. When ctx ends the connection is cut.
func (s *Sender) Send(ctx context.Context, key string, m Message) (id string, err error) {
	id = MessageID(key, s.domain)
	msg, err := s.message(id, m)
	if err != nil {
		return "", &Error{To: m.To, Stage: Recipient, Class: Refused, Err: err}
	}

	// The connection is dialled here and not by go-mail, which looks at the
	// context only while it dials, closes a connection only after a QUIT that was
	// answered, and waits for a server's answer with its own lock held.
	line := line{ctx: ctx, tls: s.tls}
	defer line.cut()
	client, err := gomail.NewClient(s.host, append(slices.Clone(s.options), gomail.WithDialContextFunc(line.dial))...)
	if err != nil {
		return "", &Error{To: m.To, Stage: Connect, Class: Unavailable, Err: err}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", line.failed(m.To, Connect, err)
	}
	err = client.SendWithSMTPClient(session, msg)
	if msg.IsDelivered() {
		// What fails after the answer (RSET, QUIT) is no failure to send.
		_ = client.CloseWithSMTPClient(session)
		return id, nil
	}
	if err == nil {
		err = errors.New("the server's answer is missing")
	}
	return "", line.failed(m.To, stage(err), err)
}

func (s *Sender) message(id string, m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.SetMessageIDWithValue(id)
	msg.SetDate()
	msg.Subject(m.Subject)
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	// Nobody's holiday reply should answer a machine (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	return msg, nil
}

func stage(err error) Stage {
	var e *gomail.SendError
	if !errors.As(err, &e) {
		return Answer
	}
	switch e.Reason {
	case gomail.ErrGetSender, gomail.ErrConnCheck:
		return Connect
	case gomail.ErrSMTPMailFrom:
		return Envelope
	case gomail.ErrGetRcpts, gomail.ErrSMTPRcptTo:
		return Recipient
	case gomail.ErrSMTPData, gomail.ErrNoUnencoded:
		return Data
	case gomail.ErrWriteContent:
		return Content
	}
	return Answer
}

// failed judges a sending that came to this stage.
func (l *line) failed(to string, stage Stage, err error) *Error {
	e := &Error{To: to, Stage: stage, Err: err}
	var send *gomail.SendError
	var answer *textproto.Error
	switch {
	case errors.As(err, &send):
		e.Code = send.ErrorCode()
	case errors.As(err, &answer):
		e.Code = answer.Code
	}
	switch {
	case stage == Content:
		// Even broken off it may arrive, truncated: go-mail's QUIT ends the
		// content with the final dot if the connection still stands.
		e.Class, e.MayHaveHappened = Unknown, true
	case e.Code >= 400 && e.Code < 500:
		e.Class = Transient
	case e.Code >= 500 && stage != Connect && stage != Envelope:
		e.Class = Refused // the person or the text; before, it was us
	case stage == Answer:
		e.Class, e.MayHaveHappened = Unknown, true
	case e.Code == 0 && l.broken.Load():
		e.Class = Transient // a server that restarts is back soon
	default:
		e.Class = Unavailable
	}
	return e
}
