package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// errForeign: under the name of an object of ours lies what none of us wrote.
var errForeign = errors.New("a stranger wrote under its name")

// Put implements [events.Shelf]. Whatever is no acknowledgement is followed by
// a look at how far the object is, whoever brought it there.
func (l *Log) Put(ctx context.Context, typ string, data []byte) (events.Ref, error) {
	r := events.RefOf(data)
	fail := func(err error) (events.Ref, error) {
		return events.Ref{}, fmt.Errorf("store result %s of type %q: %w", r.Digest, typ, err)
	}
	if err := errors.Join(events.ValidName("saga type", typ), r.Validate(), ctx.Err()); err != nil {
		return fail(fmt.Errorf("it is not stored: %w", err))
	}
	o := objectOf(typ, r)
	var pause backoff
	trouble := l.trouble()
	for {
		err := l.store(ctx, o, data)
		switch {
		case err == nil:
			return r, nil
		case rejected(err), errors.Is(err, errForeign):
			return fail(fmt.Errorf("it is not stored: %w", err))
		case errors.Is(err, nats.ErrNoResponders) && l.missing(ctx, o.stream):
			return fail(fmt.Errorf("it is not stored: %w", events.ErrNoType))
		}
		trouble.tell("the broker does not take a result, trying on", "type", typ, "digest", r.Digest, "error", err)
		if done := pause.wait(ctx); done != nil {
			return fail(fmt.Errorf("nobody knows whether it is stored: %w (%v)", done, err))
		}
	}
}

// store writes what is missing of an object, in one go.
func (l *Log) store(ctx context.Context, o object, data []byte) error {
	v, err := l.look(ctx, o.stream, o.info(), o.parts())
	if err != nil {
		return err
	}
	n, last := 0, uint64(0)
	for _, m := range v.messages {
		if m.subject == o.info() {
			return nil
		}
		n, err = strconv.Atoi(m.header.Get(chunkHeader))
		if last = m.seq; err != nil || n < 1 || n > o.chunks() {
			return fmt.Errorf("%w: %s at %d", errForeign, m.subject, m.seq)
		}
	}
	for n < o.chunks() {
		n++
		if last, err = l.publish(ctx, o.part(data, n, last), o.stream); err != nil {
			return err
		}
	}
	whole, err := o.whole()
	if err == nil {
		_, err = l.publish(ctx, whole, o.stream)
	}
	return err
}

// Get implements [events.Shelf].
func (l *Log) Get(ctx context.Context, typ string, r events.Ref) ([]byte, error) {
	return l.Fetch(ctx, typ, r, nil)
}

// Fetch is Get that says on its way how many bytes it has. It begins anew when
// a server that it reads from goes away.
func (l *Log) Fetch(ctx context.Context, typ string, r events.Ref, progress func(bytes int64)) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("read result %s of type %q: %w", r.Digest, typ, err)
	}
	if err := errors.Join(events.ValidName("saga type", typ), r.Validate(), ctx.Err()); err != nil {
		return fail(err)
	}
	if progress == nil {
		progress = func(int64) {}
	}
	o := objectOf(typ, r)
	var pause backoff
	trouble := l.trouble()
	for {
		data, err := l.fetch(ctx, o, progress)
		switch {
		case err == nil:
			return data, nil
		case errors.Is(err, events.ErrNoObject), errors.Is(err, events.ErrCorrupt), hopeless(err):
			return fail(err)
		case errors.Is(err, nats.ErrNoResponders) && l.missing(ctx, o.stream):
			return fail(events.ErrNoType)
		}
		trouble.tell("the broker does not give a result, trying on", "type", typ, "digest", r.Digest, "error", err)
		if done := pause.wait(ctx); done != nil {
			return fail(fmt.Errorf("%w (%v)", done, err))
		}
	}
}

// mostChunks is how many chunks one question asks for: two mebibytes, far below
// what a server keeps for a connection that is slow.
const mostChunks = 16

// fetch reads an object from any replica, page by page, and compares it with
// its reference.
func (l *Log) fetch(ctx context.Context, o object, progress func(int64)) ([]byte, error) {
	question := struct {
		First   uint64 `json:"seq"`
		Subject string `json:"next_by_subj"`
		Batch   int    `json:"batch"`
	}{1, o.parts(), mostChunks}
	var data []byte
	for chunks := 0; ; {
		v, pending, err := l.page(ctx, o.stream, question)
		if err != nil {
			return nil, err
		}
		if data == nil && len(v.messages) > 0 {
			data = slices.Grow(data, int(o.Size))
		}
		for _, m := range v.messages {
			if int64(len(data)) < o.Size { // what lies behind is a stranger's
				data = append(data, m.body...)
			}
			question.First = m.seq + 1
		}
		chunks += len(v.messages)
		progress(int64(len(data)))
		switch {
		case int64(len(data)) >= o.Size || pending == 0 && l.all(ctx, o, chunks):
			return data, o.verdict(data, chunks)
		case len(v.messages) == 0:
			return nil, errBehind
		}
	}
}

// all reports whether an object has no more chunks than these, by its leader:
// a replica that is behind knows nothing of those to come.
func (l *Log) all(ctx context.Context, o object, chunks int) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	info, err := l.stream(ctx, o.stream, map[string]string{"subjects_filter": o.parts()})
	return err == nil && info.State.Subjects[o.parts()] == uint64(chunks)
}

// verdict compares what was read with the reference.
func (o object) verdict(data []byte, chunks int) error {
	if chunks == 0 && o.Size > 0 {
		return events.ErrNoObject
	}
	return o.Check(data)
}
