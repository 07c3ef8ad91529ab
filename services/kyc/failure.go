package kyc

import (
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc/biometrics"
	"github.com/unwind-saga/unwind/services/mail"
)

// Failure reads the errors of the family's clients, which know nothing of
// sagas but say how they failed in its words.
func Failure(err error) error {
	if e, ok := errors.AsType[*biometrics.Error](err); ok {
		return &agent.Failure{Class: events.Class(e.Class), RetryAfter: e.RetryAfter, Code: code(e.Status), Err: err}
	}
	if e, ok := errors.AsType[*mail.Error](err); ok {
		return &agent.Failure{Class: events.Class(e.Class), Code: code(e.Code), Err: err}
	}
	return err
}

func code(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("status_%d", status)
}
