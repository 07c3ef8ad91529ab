package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// A view is what some replica of a stream held at one moment: the last message
// of each subject that passes the filters, in order of their sequence.
type view struct {
	messages []stored
	upTo     uint64 // the replica's last sequence; 0 where it found nothing
}

// A stored message, as the broker tells of it.
type stored struct {
	subject string
	seq     uint64
	time    time.Time
	header  events.Header
	body    []byte
}

// mostParts is how many messages an answer has at most: the broker's limit,
// and the status at the end. More than the channel takes would be lost.
const mostParts = 1024 + 1

var (
	errBehind  = errors.New("the replica is behind")
	errTooMany = errors.New("more than the broker gives in one answer")
)

// look reads the last message of each subject that passes the filters, in one
// question to any replica. The answer is of one moment: the server lets no
// write in between.
//
// An answer that is too large for the server's buffers comes in pages, each of
// a moment of its own. They still make a view: a page is complete up to its
// last message, and the last page up to what it says.
func (l *Log) look(ctx context.Context, stream string, filters ...string) (view, error) {
	var v view
	for {
		first := uint64(0)
		if n := len(v.messages); n > 0 {
			first = v.messages[n-1].seq + 1
		}
		page, pending, err := l.page(ctx, stream, struct {
			First   uint64   `json:"seq,omitempty"`
			Filters []string `json:"multi_last"`
		}{first, filters})
		if err != nil {
			return view{}, err
		}
		v.messages = append(v.messages, page.messages...)
		v.upTo = page.upTo
		switch {
		case pending == 0 && (first == 0 || page.upTo > 0):
			return v, nil
		case len(page.messages) == 0:
			return view{}, errBehind // this page's replica has not what the last one's promised
		}
	}
}

// page puts one question to any replica, and says how many messages more would
// answer it.
func (l *Log) page(ctx context.Context, stream string, what any) (v view, pending int, err error) {
	question, err := json.Marshal(what)
	if err != nil {
		return view{}, 0, err
	}
	subject := l.api + "DIRECT.GET." + stream
	call, deny := context.WithCancelCause(ctx)
	defer deny(nil)
	defer l.calls.add(subject, deny)()
	call, cancel := context.WithTimeoutCause(call, patience, errNoAnswer)
	defer cancel()

	inbox, parts := l.nc.NewInbox(), make(chan *nats.Msg, mostParts)
	sub, err := l.nc.ChanSubscribe(inbox, parts)
	if err != nil {
		return view{}, 0, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := l.nc.PublishRequest(subject, inbox, question); err != nil {
		return view{}, 0, err
	}
	for last := uint64(0); ; {
		var m *nats.Msg
		select {
		case m = <-parts:
		case <-l.closed:
			return view{}, 0, nats.ErrConnectionClosed
		case <-call.Done():
			if ctx.Err() != nil {
				return view{}, 0, ctx.Err()
			}
			return view{}, 0, context.Cause(call)
		}
		if previous := m.Header.Get("Nats-Last-Sequence"); previous != "" && number(m, "Nats-Last-Sequence") != last {
			return view{}, 0, fmt.Errorf("%w: a part of the answer is lost", errNoAnswer)
		}
		if !told(m, "Nats-Sequence") { // a status; that of nobody responding names a subject too
			pending, err = v.end(m)
			return v, pending, err
		}
		s := stored{
			subject: lastOf(m, "Nats-Subject"), seq: number(m, "Nats-Sequence"),
			header: events.Header(m.Header), body: m.Data,
		}
		if s.time, err = time.Parse(time.RFC3339Nano, lastOf(m, "Nats-Time-Stamp")); err != nil || s.seq == 0 {
			return view{}, 0, fmt.Errorf("%w as documented: %v", errNoAnswer, err)
		}
		v.messages = append(v.messages, s)
		last = s.seq
	}
}

// end reads the status that ends an answer.
func (v *view) end(m *nats.Msg) (pending int, err error) {
	switch status := m.Header.Get("Status"); status {
	case "204":
		v.upTo = number(m, "Nats-UpTo-Sequence")
		return int(number(m, "Nats-Num-Pending")), nil
	case "404":
		return 0, nil
	case "413":
		return 0, errTooMany
	case "503":
		return 0, nats.ErrNoResponders
	default:
		return 0, fmt.Errorf("direct get: %s %s", status, m.Header.Get("Description"))
	}
}

// The broker puts its own headers behind those of the message, which may be
// named like them. So the last of a name is the broker's.
func lastOf(m *nats.Msg, name string) string {
	values := m.Header.Values(name)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func told(m *nats.Msg, name string) bool { return lastOf(m, name) != "" }

func number(m *nats.Msg, name string) uint64 {
	n, _ := strconv.ParseUint(lastOf(m, name), 10, 64)
	return n
}

// gone reports whether a stream, known at its leader at least up to a
// sequence, holds nothing that passes a filter. A direct read that finds
// nothing doesn't say how far it looked.
func (l *Log) gone(ctx context.Context, stream, filter string, upTo uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	info, err := l.stream(ctx, stream, map[string]string{"subjects_filter": filter})
	return err == nil && info.State.LastSeq >= upTo && len(info.State.Subjects) == 0
}
