package mail

import "fmt"

// Class says what can be done about a failure, in the saga's words.
type Class string

// The classes.
const (
	Transient   Class = "transient"   // try the same again later
	Unavailable Class = "unavailable" // this server does not work for us; another might
	Refused     Class = "refused"     // this message or address will never be accepted
	Unknown     Class = "unknown"     // it may have been sent
)

// Stage is how far a sending came.
type Stage string

// The stages, in order.
const (
	Connect   Stage = "connect" // dial, greeting, TLS, sign-in
	Envelope  Stage = "sender"
	Recipient Stage = "recipient"
	Data      Stage = "data"    // DATA was not accepted: no content was sent
	Content   Stage = "content" // broken off in the content
	Answer    Stage = "answer"  // to the final dot
)

// Error is a message that was not, or not certainly, sent.
type Error struct {
	To              string
	Stage           Stage
	Class           Class
	Code            int // the server's answer; 0: it did not answer
	MayHaveHappened bool
	Err             error
}

func (e *Error) Error() string {
	fate := "it was not sent"
	if e.MayHaveHappened {
		fate = "it may have been sent"
	}
	return fmt.Sprintf("send mail to %s: %s: %v; %s", e.To, e.Stage, e.Err, fate)
}

func (e *Error) Unwrap() error { return e.Err }
