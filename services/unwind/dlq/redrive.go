package dlq

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

// Redrive sends a dead letter again: it begins another saga with its task, or with
// another one, and writes into the old one's history who did it, why, and under which
// id. Asked for again after a crash in between, it goes on where it stopped.
func Redrive(ctx context.Context, log events.Log, l Letter, task json.RawMessage, by, reason string) (id string, err error) {
	id = Next(l.ID)
	attempt := fmt.Sprintf("send saga %s/%s again as %s", l.Type, l.ID, id)
	// Since the letter was read, somebody may have sat over its task in an editor.
	if d, err := seenTo(ctx, log, l); err != nil {
		return "", fmt.Errorf("%s: %w", attempt, err)
	} else if d != nil && d.To != id {
		return "", fmt.Errorf("%s: %w, it is %s by %s: %s", attempt, client.ErrDismissed, d.As, d.By, d.Reason)
	}
	// The new saga comes first: after a crash the letter is still there to be seen.
	_, err = client.Resubmit(ctx, log, id, task, by, l.last, reason)
	if errors.Is(err, client.ErrDuplicate) {
		err = sentBefore(ctx, log, l, id, task)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", attempt, err)
	}
	err = client.Dismiss(ctx, log, l.Type, l.ID, events.Dismissal{By: by, Reason: reason, As: events.Redriven, To: id})
	if errors.Is(err, client.ErrDismissed) {
		return id, fmt.Errorf("%s: it is submitted, but somebody else saw to the old one meanwhile: %w", attempt, err)
	}
	return id, err
}

// sentBefore reports why a saga that has the id already is not the one to be sent.
func sentBefore(ctx context.Context, log events.Log, l Letter, id string, task json.RawMessage) error {
	history, err := log.History(ctx, l.Type, id, 0)
	if err != nil {
		return err
	}
	for _, e := range history {
		if e.Subject.Kind != events.Submitted {
			continue
		}
		switch {
		case !l.began(e): // not by its cause: more may have been written since
			return fmt.Errorf("the id is taken by another saga\nhint: `unwind saga start` takes an id of your choice")
		case !same(e.Data, task):
			return fmt.Errorf("it was sent before, by %s, with another task\nhint: `unwind saga show %s %s` tells how that went", e.Source, l.Type, id)
		}
	}
	return nil
}

func same(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// began reports whether the task of another saga is this letter, sent again.
func (l Letter) began(task events.Event) bool { return task.Rerun != nil && task.Rerun.Of == l.ID }

// seenTo is what somebody did about a letter; nil: nobody did.
func seenTo(ctx context.Context, log events.Log, l Letter) (*events.Dismissal, error) {
	history, err := log.History(ctx, l.Type, l.ID, 0)
	if err != nil {
		return nil, err
	}
	for _, e := range history {
		var d events.Dismissal
		if e.Subject.Kind == events.Dismissed && e.Unpack(&d) == nil {
			return &d, nil
		}
	}
	return nil, nil
}

// Drop gives a dead letter up: nobody will do it, and the reason stands in its history.
// One that was sent again by somebody who died before it was said is not given up: it
// runs.
func Drop(ctx context.Context, log events.Log, l Letter, by, reason string) error {
	next, err := log.History(ctx, l.Type, Next(l.ID), 0)
	if err != nil {
		return fmt.Errorf("drop saga %s/%s: %w", l.Type, l.ID, err)
	}
	for _, e := range next {
		if e.Subject.Kind == events.Submitted && l.began(e) {
			return fmt.Errorf("drop saga %s/%s: it was sent again as %s, by %s\nhint: `unwind dlq redrive %s %s` says so in its history; `unwind saga cancel` ends the new one", l.Type, l.ID, e.Subject.ID, e.Source, l.Type, l.ID)
		}
	}
	return client.Dismiss(ctx, log, l.Type, l.ID, events.Dismissal{By: by, Reason: reason, As: events.Dropped})
}

var again = regexp.MustCompile(`^(.*)-r(\d{1,4})$`)

// Next is the id under which a saga is sent again: order-1-r1, then order-1-r2. It
// depends on nothing else, so that whoever does it twice does it once.
func Next(id string) string {
	stem, n := id, 0
	if m := again.FindStringSubmatch(id); m != nil {
		stem = m[1]
		n, _ = strconv.Atoi(m[2])
	}
	next := fmt.Sprintf("%s-r%d", stem, n+1)
	if len(next) <= 64 {
		return next
	}
	sum := sha256.Sum256([]byte(stem))
	return fmt.Sprintf("%s-%s-r%d", stem[:32], hex.EncodeToString(sum[:8]), n+1)
}
