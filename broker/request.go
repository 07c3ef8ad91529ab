package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long one question waits for its answer before it is asked
// again. Too short only costs questions: all that are asked here may be
// repeated.
const patience = 3 * time.Second

var (
	errNoAnswer = errors.New("the broker does not answer")
	errDenied   = errors.New("permission denied")
)

// request sends a message and waits for one answer, for some patience.
func (l *Log) request(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	call, deny := context.WithCancelCause(ctx)
	defer deny(nil)
	defer l.calls.add(m.Subject, deny)()
	call, cancel := context.WithTimeoutCause(call, patience, errNoAnswer)
	defer cancel()
	answer, err := l.nc.RequestMsgWithContext(call, m)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case call.Err() != nil:
		return nil, context.Cause(call)
	default:
		return nil, err
	}
}

// hopeless reports whether an error stays, however often one asks again.
func hopeless(err error) bool {
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		return final(refused)
	}
	for _, e := range []error{
		errDenied, nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload,
		nats.ErrBadSubject, nats.ErrHeadersNotSupported, nats.ErrBadHeaderMsg,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// JetStream's errors that decide something here.
const (
	codeNoPeers         jetstream.ErrorCode = 10005
	codeNoConsumer      jetstream.ErrorCode = 10014
	codeNotForAccount   jetstream.ErrorCode = 10039
	codeInvalidConfig   jetstream.ErrorCode = 10052
	codeTooLarge        jetstream.ErrorCode = 10054
	codeStreamExists    jetstream.ErrorCode = 10058
	codeNoStream        jetstream.ErrorCode = 10059
	codeWrongLast       jetstream.ErrorCode = 10071
	codeNoReplicas      jetstream.ErrorCode = 10074
	codeNotEnabled      jetstream.ErrorCode = 10076
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
	codeSealed          jetstream.ErrorCode = 10109
	codeConsumerExists  jetstream.ErrorCode = 10148
	codeNoConsumerToday jetstream.ErrorCode = 10149
)

// final tells what an API will say again from what may pass. The codes are
// finer than the classes: an invalid configuration counts as a server's error
// there, and a cluster whose servers are still starting as a client's.
func final(e *jetstream.APIError) bool {
	switch e.ErrorCode {
	case codeInvalidConfig, codeNoReplicas, codeNotForAccount, codeNotEnabled:
		return true
	case codeNoPeers:
		return false
	}
	return e.Code >= 400 && e.Code < 500 && e.Code != 408 && e.Code != 429
}

// ask puts a question to JetStream's API until it is answered or ctx is done.
// What the API refuses for good is a [*jetstream.APIError].
func (l *Log) ask(ctx context.Context, question string, body, answer any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	var pause backoff
	trouble := l.trouble()
	for {
		err := l.askOnce(ctx, question, data, answer)
		switch {
		case err == nil:
			return nil
		case hopeless(err):
			return err
		}
		trouble.tell("the broker is not ready, trying on", "question", question, "error", err)
		if done := pause.wait(ctx); done != nil {
			if errors.Is(err, done) {
				return done
			}
			return fmt.Errorf("%w (%v)", done, err)
		}
	}
}

func (l *Log) askOnce(ctx context.Context, question string, body []byte, answer any) error {
	m, err := l.request(ctx, &nats.Msg{Subject: l.api + question, Data: body})
	if err != nil {
		return err
	}
	var refused struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &refused); err != nil {
		return fmt.Errorf("%w in JSON: %w", errNoAnswer, err)
	}
	if refused.Error != nil {
		return refused.Error
	}
	return json.Unmarshal(m.Data, answer)
}

// code is the code of JetStream's error, and 0 for any other.
func code(err error) jetstream.ErrorCode {
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		return refused.ErrorCode
	}
	return 0
}

// calls are the requests under way, by subject. A broker answers a message
// that is not permitted not to its reply subject but to the connection, later
// and in prose; without this whoever asked would ask for ever.
type calls struct {
	mu  sync.Mutex
	all map[string]map[*context.CancelCauseFunc]struct{}
}

func (c *calls) add(subject string, deny context.CancelCauseFunc) (remove func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]map[*context.CancelCauseFunc]struct{}{}
	}
	if c.all[subject] == nil {
		c.all[subject] = map[*context.CancelCauseFunc]struct{}{}
	}
	c.all[subject][&deny] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.all[subject], &deny)
		if len(c.all[subject]) == 0 {
			delete(c.all, subject)
		}
	}
}

var deniedSubject = regexp.MustCompile(`(?i)(publish|subscription) to "([^"]+)"`)

// announcing stands for the subjects on which an instance answers who looks for
// it: it subscribes to a dozen, and waits for none of them alone.
const announcing = "$SRV.> and unwind.agent.>"

// deny ends the calls that a violation is about, and reports whether there
// were any.
func (c *calls) deny(violation error) bool {
	found := deniedSubject.FindStringSubmatch(violation.Error())
	if found == nil {
		return false
	}
	verb, subject := "publish", found[2]
	call := subject
	if strings.EqualFold(found[1], "subscription") {
		verb = "subscribe"
		if !strings.HasPrefix(subject, "$SRV.") && !strings.HasPrefix(subject, "unwind.agent.") {
			return false
		}
		call = announcing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for deny := range c.all[call] {
		(*deny)(fmt.Errorf("%w: this user may not %s to %s\nhint: deploy/ has the permissions that an agent needs", errDenied, verb, subject))
	}
	// Of an announcement that was given up at the first refusal, more come.
	return len(c.all[call]) > 0 || call == announcing
}

// cut ends all calls as unanswered, so that they are made again.
func (c *calls) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for subject, calls := range c.all {
		if subject == announcing {
			continue // it asks nothing, and is made again by itself
		}
		for end := range calls {
			(*end)(fmt.Errorf("%w: the connection was lost", errNoAnswer))
		}
	}
}

// seen remembers names.
type seen struct{ names sync.Map }

// first reports whether a name is new.
func (s *seen) first(name string) bool {
	_, known := s.names.LoadOrStore(name, true)
	return !known
}
