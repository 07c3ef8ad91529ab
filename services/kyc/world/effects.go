package world

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/services/kyc/biometrics"
	"github.com/unwind-saga/unwind/services/mail/inbox"
	"github.com/unwind-saga/unwind/services/store"
)

// An Effect is something of a saga that is there, and where it was found.
type Effect struct {
	Saga  string // its id
	Where string // an agent's store, the provider, the inbox
	What  string
}

func (e Effect) String() string { return e.Where + ": " + e.What }

// Effects looks everywhere for what is there, of one saga or, with an empty id,
// of all. The provider must not have been told to fail.
func (w *World) Effects(ctx context.Context, id string) ([]Effect, error) {
	found, err := w.stored(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	kept, err := w.kept(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for effects: %w", err)
	}
	found = append(found, kept...)
	found = append(found, w.letters()...)
	return slices.DeleteFunc(found, func(e Effect) bool { return id != "" && e.Saga != id }), nil
}

// stored looks into the agents' own files.
func (w *World) stored(ctx context.Context) ([]Effect, error) {
	files, err := filepath.Glob(filepath.Join(w.state, "*.db"))
	if err != nil {
		return nil, err
	}
	var found []Effect
	for _, file := range files {
		st, err := store.Open(file)
		if err != nil {
			return nil, err
		}
		list, err := st.List(ctx, barrier.Begun, barrier.Done, barrier.Undoing)
		st.Close()
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			found = append(found, Effect{sagaOf(e.Key), strings.TrimSuffix(filepath.Base(file), ".db"), string(e.State)})
		}
	}
	return found, nil
}

// kept asks the provider what it keeps.
func (w *World) kept(ctx context.Context) ([]Effect, error) {
	client, err := biometrics.New(w.provider(), biometrics.Config{})
	if err != nil {
		return nil, err
	}
	list, err := client.List(ctx)
	if err != nil {
		return nil, err
	}
	var found []Effect
	for _, k := range list {
		found = append(found, Effect{sagaOf(k.Key), "provider", "template " + k.ID})
	}
	return found, nil
}

// letters counts what went to people.
func (w *World) letters() []Effect {
	var found []Effect
	for _, m := range w.Inbox.Messages() {
		found = append(found, Effect{Reference(m), Inbox, m.Subject})
	}
	return found
}

// Inbox is where letters are.
const Inbox = "inbox"

// Reference reads the saga's id from a letter.
func Reference(m inbox.Message) string {
	_, reference, _ := strings.Cut(m.Text, "Reference: ")
	return strings.TrimSpace(reference)
}

// sagaOf reads the saga's id from an idempotency key.
func sagaOf(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}
