package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// memory keeps the events of sagas that have not ended, by type.
type memory struct {
	mu    sync.Mutex
	types map[string]*open
}

// open is what is kept of one type.
type open struct {
	n, born int64
	next    uint64 // the sequence up to which it is whole
	sagas   map[string][]events.Event
	size    int
}

// mostOpen is how much is kept of one type, in bytes. Of more, nothing is: then a
// saga whose next event comes is read from the broker.
const mostOpen = 64 << 20

// weight is what an event takes beside its data, roughly.
const weight = 400

// of finds what is kept of a type that was read up to a mark. Another process may
// have read on meanwhile: then what is kept is not whole.
func (m *memory) of(at mark) *open {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.types[at.typ]
	if o == nil || o.n != at.n || o.born != at.born || o.next != at.next {
		o = &open{n: at.n, born: at.born, next: at.next, sagas: map[string][]events.Event{}}
		if m.types == nil {
			m.types = map[string]*open{}
		}
		m.types[at.typ] = o
	}
	return o
}

func (m *memory) forget(typ string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.types, typ)
}

// keep keeps a history, or drops it when the saga has ended.
func (o *open) keep(id string, history []events.Event, ended bool) {
	for _, e := range o.sagas[id] {
		o.size -= len(e.Data) + weight
	}
	delete(o.sagas, id)
	if ended {
		return
	}
	for _, e := range history {
		o.size += len(e.Data) + weight
	}
	o.sagas[id] = history
	if o.size > mostOpen {
		o.sagas, o.size = map[string][]events.Event{}, 0
	}
}

// A change is a saga of which a batch has events.
type change struct {
	id      string
	history []events.Event // up to the batch's end
	fresh   bool           // as far as the batch shows: it begins with its task
	saga    Saga
}

// apply writes a batch, and moves the mark to its end. All or nothing.
func (x *Index) apply(ctx context.Context, from Source, m *mark, known *open, b batch) error {
	changes, err := changesIn(ctx, from, m.typ, known, b)
	if err != nil {
		return err
	}
	err = x.write(ctx, func(tx *sql.Tx) error {
		w, err := newWriter(tx, m.n)
		if err != nil {
			return err
		}
		defer w.close()
		for i := range changes {
			c := &changes[i]
			written := false
			if c.fresh {
				if written, err = w.insert(c.saga); err != nil {
					return err
				}
			}
			if written {
				continue
			}
			if c.fresh { // somebody wrote of it before its task
				if err := c.read(ctx, from, m.typ, b.next); err != nil {
					return err
				}
			}
			if err := w.put(c.saga); err != nil {
				return err
			}
		}
		_, err = tx.Exec(`UPDATE stream SET next = ? WHERE n = ?`, b.next, m.n)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range changes {
		known.keep(c.id, c.history, c.saga.over() || c.history == nil)
	}
	known.next, m.next = b.next, b.next
	return nil
}

// over reports whether hardly an event will follow.
func (r Saga) over() bool {
	return r.Status == saga.Completed || r.Status == saga.Compensated || r.Status == saga.Rejected
}

// changesIn finds the whole history of each saga of which a batch has events, and
// folds it.
func changesIn(ctx context.Context, from Source, typ string, known *open, b batch) ([]change, error) {
	var changes []change
	at := map[string]int{}
	for _, e := range b.events {
		i, ok := at[e.Subject.ID]
		if !ok {
			i = len(changes)
			at[e.Subject.ID] = i
			before := known.sagas[e.Subject.ID]
			changes = append(changes, change{
				id: e.Subject.ID, history: slices.Clip(before),
				fresh: before == nil && e.Subject.Kind == events.Submitted,
			})
		}
		changes[i].history = append(changes[i].history, e)
	}
	var group limited
	for i := range changes {
		c := &changes[i]
		if c.fresh || len(known.sagas[c.id]) > 0 {
			c.saga = sagaOf(c.history)
			continue
		}
		group.run(func() error { return c.read(ctx, from, typ, b.next) })
	}
	return changes, group.wait()
}

// read reads the history, and cuts it at the end of the batch.
func (c *change) read(ctx context.Context, from Source, typ string, next uint64) error {
	last := c.history[len(c.history)-1].Seq
	whole, err := from.History(ctx, typ, c.id, last)
	if unreadable, ok := tooLong(c.history, err); ok {
		c.history, c.saga = nil, unreadable
		return nil
	}
	if err != nil {
		return err
	}
	whole = slices.DeleteFunc(whole, func(e events.Event) bool { return e.Seq >= next })
	if len(whole) == 0 { // it was removed since
		whole = c.history
	}
	c.history, c.saga = whole, sagaOf(whole)
	return nil
}

// limited runs a few at a time.
type limited struct {
	all  sync.WaitGroup
	gate chan struct{}
	mu   sync.Mutex
	err  error
}

func (l *limited) run(do func() error) {
	if l.gate == nil {
		l.gate = make(chan struct{}, 16)
	}
	l.gate <- struct{}{}
	l.all.Go(func() {
		defer func() { <-l.gate }()
		if err := do(); err != nil {
			l.mu.Lock()
			l.err = errors.Join(l.err, err)
			l.mu.Unlock()
		}
	})
}

func (l *limited) wait() error {
	l.all.Wait()
	return l.err
}

// A writer writes sagas in one transaction.
type writer struct {
	stream                   int64
	fresh, upsert, del, spot *sql.Stmt
}

const columns = `stream, id, status, began, changed, deadline, at, attempts, events, seq, person, failed, fate,
	error_step, error_agent, error_class, error_code, error_message,
	turn_reason, turn_step, turn_agent, turn_class, turn_code, turn_message`

const insert = `INSERT INTO saga (` + columns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (stream, id) DO `

const replace = `UPDATE SET (status, began, changed, deadline, at, attempts, events, seq, person, failed, fate,
	error_step, error_agent, error_class, error_code, error_message,
	turn_reason, turn_step, turn_agent, turn_class, turn_code, turn_message) =
	(excluded.status, excluded.began, excluded.changed, excluded.deadline, excluded.at, excluded.attempts, excluded.events, excluded.seq, excluded.person, excluded.failed, excluded.fate,
	excluded.error_step, excluded.error_agent, excluded.error_class, excluded.error_code, excluded.error_message,
	excluded.turn_reason, excluded.turn_step, excluded.turn_agent, excluded.turn_class, excluded.turn_code, excluded.turn_message)`

func newWriter(tx *sql.Tx, stream int64) (*writer, error) {
	w := &writer{stream: stream}
	var err error
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		{&w.fresh, insert + `NOTHING`},
		{&w.upsert, insert + replace + ` RETURNING n`},
		{&w.del, `DELETE FROM place WHERE saga = ?`},
		{&w.spot, `INSERT INTO place (stream, agent, step, saga) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`},
	} {
		if *s.into, err = tx.Prepare(s.text); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *writer) close() {
	for _, s := range []*sql.Stmt{w.fresh, w.upsert, w.del, w.spot} {
		_ = s.Close()
	}
}

// insert writes a saga that is not there yet. It reports whether that was so.
func (w *writer) insert(r Saga) (bool, error) {
	values, err := w.values(r)
	if err != nil {
		return false, err
	}
	done, err := w.fresh.Exec(values...)
	if err != nil {
		return false, fmt.Errorf("write saga %s/%s: %w", r.Type, r.ID, err)
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 0 {
		return false, err
	}
	n, err := done.LastInsertId()
	if err != nil {
		return false, err
	}
	return true, w.places(n, r)
}

// put writes a saga, whatever is there.
func (w *writer) put(r Saga) error {
	values, err := w.values(r)
	if err != nil {
		return err
	}
	var n int64
	if err := w.upsert.QueryRow(values...).Scan(&n); err != nil {
		return fmt.Errorf("write saga %s/%s: %w", r.Type, r.ID, err)
	}
	if _, err := w.del.Exec(n); err != nil {
		return err
	}
	return w.places(n, r)
}

// values are those of the columns.
func (w *writer) values(r Saga) ([]any, error) {
	var at any
	if len(r.At) > 0 {
		text, err := json.Marshal(r.At)
		if err != nil {
			return nil, err
		}
		at = string(text)
	}
	values := []any{
		w.stream, r.ID, string(r.Status), r.Began.UnixNano(), r.Changed.UnixNano(), moment(r.Deadline), at,
		r.Attempts, r.Events, int64(r.Seq), r.Person, r.Failed(), text(string(r.Fate)),
	}
	if e := r.Error; e != nil {
		values = append(values, text(e.Step), text(e.Agent), text(string(e.Class)), text(e.Code), text(e.Message))
	} else {
		values = append(values, nil, nil, nil, nil, nil)
	}
	if t := r.Turned; t != nil {
		values = append(values, string(t.Reason), text(t.Step), text(t.Agent), text(string(t.Class)), text(t.Code), text(t.Message))
	} else {
		values = append(values, nil, nil, nil, nil, nil, nil)
	}
	return values, nil
}

// places writes under which agents and steps a saga is found.
func (w *writer) places(n int64, r Saga) error {
	at := r.At
	if r.Error != nil {
		at = append(at, Place{Step: r.Error.Step, Agent: r.Error.Agent})
	}
	if r.Turned != nil {
		at = append(at, Place{Step: r.Turned.Step, Agent: r.Turned.Agent})
	}
	for _, p := range at {
		if p.Step == "" && p.Agent == "" {
			continue
		}
		if _, err := w.spot.Exec(w.stream, p.Agent, p.Step, n); err != nil {
			return err
		}
	}
	return nil
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
