package casefile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// Embed reads the large results that the events refer to. One that is on the
// shelf no more is left out, and told as an error that wraps
// [events.ErrNoObject] when all others were read.
func (c *Case) Embed(ctx context.Context, shelf events.Shelf) error {
	history, err := c.History()
	if err != nil {
		return err
	}
	var missing error
	for _, ref := range refsOf(history) {
		data, err := shelf.Get(ctx, c.Type, ref)
		switch {
		case errors.Is(err, events.ErrNoObject), errors.Is(err, events.ErrCorrupt):
			missing = errors.Join(missing, err)
			continue
		case err != nil:
			return c.wrong("read a large result: %w", err)
		}
		if c.Large == nil {
			c.Large = map[string]json.RawMessage{}
		}
		c.Large[ref.Digest] = data
	}
	return missing
}

// refsOf lists the references in completions; whatever else has one copies it.
func refsOf(history []events.Event) (list []events.Ref) {
	for _, e := range history {
		var done events.Done
		if e.Subject.Kind == events.Completed && e.Unpack(&done) == nil && done.ResultRef != nil {
			list = append(list, *done.ResultRef)
		}
	}
	return list
}

// Get reads a large result from the file. A case is so much of a shelf that a
// task's results can be read from it.
func (c *Case) Get(_ context.Context, _ string, r events.Ref) ([]byte, error) {
	data, ok := c.Large[r.Digest]
	if !ok {
		return nil, c.wrong("%s: %w in the file", r.Digest, events.ErrNoObject)
	}
	return data, nil
}

// Put names a result. It is kept nowhere.
func (c *Case) Put(_ context.Context, _ string, data []byte) (events.Ref, error) {
	if len(data) > events.MaxResult {
		return events.Ref{}, fmt.Errorf("a result of %d bytes, %d are allowed", len(data), events.MaxResult)
	}
	return events.RefOf(data), nil
}
