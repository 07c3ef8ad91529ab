package eventtest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// A Spoiler is a log whose stored objects a test can damage, as a disk does.
// The rule about damage is checked on a log that is one, and left out
// elsewhere.
type Spoiler interface {
	// Spoil changes one byte of what is stored, and leaves its reference.
	Spoil(ctx context.Context, typ string, r events.Ref) error
}

// Put implements [events.Shelf].
func (l *Log) Put(ctx context.Context, typ string, data []byte) (events.Ref, error) {
	r := events.RefOf(data)
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.shelf(ctx, typ)
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return events.Ref{}, fmt.Errorf("store a result of type %q: it is not stored: %w", typ, err)
	}
	if _, there := s.objects[r.Digest]; !there {
		s.objects[r.Digest] = bytes.Clone(data)
	}
	return r, nil
}

// Get implements [events.Shelf].
func (l *Log) Get(ctx context.Context, typ string, r events.Ref) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, err := l.object(ctx, typ, r)
	if err == nil {
		err = r.Check(data)
	}
	if err != nil {
		return nil, fmt.Errorf("read result %s of type %q: %w", r.Digest, typ, err)
	}
	return bytes.Clone(data), nil
}

// Spoil implements [Spoiler].
func (l *Log) Spoil(ctx context.Context, typ string, r events.Ref) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, err := l.object(ctx, typ, r)
	if err != nil {
		return err
	}
	data[0] ^= 1
	return nil
}

// Objects counts what is stored for the sagas of a type.
func (l *Log) Objects(typ string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sagas[typ]; s != nil {
		return len(s.objects)
	}
	return 0
}

func (l *Log) shelf(ctx context.Context, typ string) (*stream, error) {
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	return l.saga(typ)
}

func (l *Log) object(ctx context.Context, typ string, r events.Ref) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	s, err := l.shelf(ctx, typ)
	if err != nil {
		return nil, err
	}
	data, there := s.objects[r.Digest]
	if !there {
		return nil, events.ErrNoObject
	}
	return data, nil
}
