package events

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Timer asks to be reminded of a saga at a time. Setting one twice is the
// same as once. When it fires it is a question, not an order: it may have been
// answered already, so whoever hears it reads first.
type Timer struct {
	Type string
	To   string // an agent, or [Everyone]
	What What
	N    int // of the attempt or the try at undoing
	ID   string
	Due  time.Time

	// Seq is the event that made it necessary. Whoever hears the timer reads
	// the history at least up to there: a read from a replica that is behind
	// would find nothing to do, and the question would be lost. It travels in
	// the body.
	Seq uint64

	TraceParent string // W3C trace context, of whoever set it; in the headers
	TraceState  string
}

// Everyone is to whom a timer is addressed that any agent of the type answers.
const Everyone = sagaStep

// What a timer is about.
type What string

// What timers there are.
const (
	RetryTimer    What = "attempt"  // claim attempt n
	UndoTimer     What = "undo"     // try to undo for the nth time
	AnswerTimer   What = "answer"   // the answer to attempt n is overdue
	DeadlineTimer What = "deadline" // the saga's time is up
	AdvanceTimer  What = "advance"  // look whether undoing goes on
)

func (w What) numbered() bool { return w == RetryTimer || w == UndoTimer || w == AnswerTimer }

// Set is the subject under which the timer is scheduled.
func (t Timer) Set() string { return "timer.set." + t.rest() }

// Fired is the subject under which it comes due.
func (t Timer) Fired() string { return "timer.due." + t.rest() }

func (t Timer) rest() string {
	what := string(t.What)
	if t.What.numbered() {
		what += "-" + strconv.Itoa(t.N)
	}
	return t.Type + "." + t.To + "." + what + "." + t.ID
}

// Body is what the timer carries.
func (t Timer) Body() []byte { return strconv.AppendUint(nil, t.Seq, 10) }

// Header is what it carries beside its body: its trace context, if it has one.
func (t Timer) Header() Header {
	h := make(Header, 2)
	h.trace(t.TraceParent, t.TraceState)
	return h
}

// TimersOf is the filter of all timers of a type addressed to an agent.
func TimersOf(typ, to string) string { return "timer.due." + typ + "." + to + ".*.*" }

// DecodeTimer reads a timer that came due. A body that says nothing is no
// error: the timer is still a question.
func DecodeTimer(subject string, h Header, body []byte, at time.Time) (Timer, error) {
	t, err := ParseTimer(subject)
	if err != nil {
		return Timer{}, err
	}
	t.Due = at
	t.TraceParent, t.TraceState = h.Get("traceparent"), h.Get("tracestate")
	if seq, err := strconv.ParseUint(string(body), 10, 64); err == nil { // out of range it says the highest
		t.Seq = seq
	}
	return t, nil
}

// ParseTimer reads the subject of a timer that came due.
func ParseTimer(subject string) (Timer, error) {
	fail := func(format string, args ...any) (Timer, error) {
		return Timer{}, fmt.Errorf("parse timer %q: %w", subject, fmt.Errorf(format, args...))
	}
	tokens := strings.Split(subject, ".")
	if len(tokens) != 6 || tokens[0] != "timer" || tokens[1] != "due" {
		return fail("want timer.due.<type>.<to>.<what>.<id>")
	}
	t := Timer{Type: tokens[2], To: tokens[3], ID: tokens[5]}
	what, number, _ := strings.Cut(tokens[4], "-")
	t.What = What(what)
	switch t.What {
	case RetryTimer, UndoTimer, AnswerTimer:
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > MaxAttempt {
			return fail("%s needs a number, not %q", what, number)
		}
		t.N = n
	case DeadlineTimer, AdvanceTimer:
	default:
		return fail("no timer %q", what)
	}
	if err := ValidName("saga type", t.Type); err != nil {
		return fail("%w", err)
	}
	if t.To != Everyone {
		if err := ValidAgent(t.To); err != nil {
			return fail("%w", err)
		}
	}
	if err := ValidID(t.ID); err != nil {
		return fail("%w", err)
	}
	if t.Fired() != subject {
		return fail("it reads back as %q", t.Fired())
	}
	return t, nil
}
