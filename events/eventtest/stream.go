package eventtest

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A stream numbers its messages from 1 and never loses one.
type stream struct {
	name     string
	born     time.Time
	subjects string // the filter of what it takes
	once     bool   // each subject is taken once
	messages []message
	slots    map[string]uint64   // by subject, its last sequence
	ids      map[string][]uint64 // by saga, the sequences of its events
	objects  map[string][]byte   // by digest; only beside a saga type's events
	bell     bell                // rings when a consumer or a reader may go on
}

// A message is decoded once, when it is stored.
type message struct {
	subject string
	seq     uint64
	time    time.Time
	event   events.Event
	timer   events.Timer
	err     error
}

func newStream(name, subjects string, once bool) *stream {
	return &stream{name: name, born: time.Now(), subjects: subjects, once: once, slots: map[string]uint64{}, ids: map[string][]uint64{}, objects: map[string][]byte{}}
}

func (s *stream) last() uint64          { return uint64(len(s.messages)) }
func (s *stream) at(seq uint64) message { return s.messages[seq-1] }

// put stores a message, and tells those who wait.
func (s *stream) put(subject string, h events.Header, body []byte) uint64 {
	m := message{subject: subject, seq: s.last() + 1, time: time.Now()}
	body = bytes.Clone(body)
	if s.once {
		m.event, m.err = events.Decode(subject, maps.Clone(h), body, m.seq, m.time)
	} else {
		m.timer, m.err = events.DecodeTimer(subject, maps.Clone(h), body, m.time)
	}
	s.messages = append(s.messages, m)
	s.slots[subject] = m.seq
	if id := m.event.Subject.ID; id != "" {
		s.ids[id] = append(s.ids[id], m.seq)
	}
	s.bell.ring()
	return m.seq
}

// since finds the first sequence stored at a time or later.
func (s *stream) since(t time.Time) uint64 {
	i, _ := slices.BinarySearchFunc(s.messages, t, func(m message, t time.Time) int { return m.time.Compare(t) })
	return uint64(i) + 1
}

// copyEvent gives each reader data of its own.
func (m message) copyEvent() events.Event {
	e := m.event
	e.Data = bytes.Clone(e.Data)
	return e
}

// A bell wakes all who wait for it. It is made of channels, because these
// block durably in a synctest bubble, and can be waited for beside a context.
type bell chan struct{}

func (b *bell) wait() <-chan struct{} {
	if *b == nil {
		*b = make(bell)
	}
	return *b
}

func (b *bell) ring() {
	if *b != nil {
		close(*b)
		*b = nil
	}
}

// collide reports whether some subject passes both filters: "*" stands for a
// token, ">" for one or more at the end. A subject is a filter of itself.
func collide(a, b string) bool {
	for {
		x, restX, moreX := strings.Cut(a, ".")
		y, restY, moreY := strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*":
			return false
		case !moreX || !moreY:
			return moreX == moreY
		}
		a, b = restX, restY
	}
}
