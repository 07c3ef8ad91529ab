package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/report"
)

const (
	audience = 256              // streams at a time
	beat     = 15 * time.Second // between signs of life
	slow     = 10 * time.Second // how long whoever listens may take to take a line
)

// stream tells a saga's events as they come, as server-sent events, until it ended.
// Each has its sequence as its id: whoever comes back with the last one that it
// heard (which browsers do by themselves) misses nothing.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) {
	typ, id := r.PathValue("type"), r.PathValue("id")
	heard, err := lastHeard(r)
	if err != nil {
		complain(w, http.StatusBadRequest, err)
		return
	}
	s, history, err := client.Load(r.Context(), h.log, typ, id, 0)
	switch {
	case len(history) == 0:
		complain(w, statusOf(err), err)
		return
	case s != nil && s.Ended() && heard >= history[len(history)-1].Seq:
		w.WriteHeader(http.StatusNoContent) // which tells a browser not to come back
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not wait for more
	w.WriteHeader(http.StatusOK)
	l := listener{w, http.NewResponseController(w)}
	if err := h.tellAll(r.Context(), l, typ, id, heard, history[len(history)-1].Seq); err != nil {
		h.logger.Info("a stream ends early", "type", typ, "saga", id, "error", err)
	}
}

// lastHeard is the sequence up to which whoever listens has heard.
func lastHeard(r *http.Request) (uint64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		return 0, nil
	}
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("Last-Event-ID %q: want the id of an event of this stream", text)
	}
	return seq, nil
}

// tellAll tells a saga from its first event on, since only so can it be known when
// it has ended; what was heard before is left out. What is known to have come after the
// end is told too. A history that makes no sense never ends.
func (h *Handler) tellAll(ctx context.Context, to listener, typ, id string, heard, known uint64) error {
	ctx, stop := context.WithCancel(ctx)
	coming := make(chan events.Event)
	var following sync.WaitGroup
	defer following.Wait()
	defer stop()
	var failed error
	following.Go(func() {
		defer close(coming)
		failed = h.log.Follow(ctx, typ, id, 0, func(e events.Event) error {
			select {
			case coming <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	heart := time.NewTicker(beat)
	defer heart.Stop()
	var history []events.Event
	for {
		select {
		case <-h.closing:
			return nil // whoever listens comes back, to another server
		case <-heart.C:
			if err := to.beat(); err != nil {
				return err
			}
		case e, ok := <-coming:
			if !ok {
				return failed
			}
			history = append(history, e)
			if e.Seq > heard {
				if err := to.event(e); err != nil {
					return err
				}
			}
			if s, err := saga.Fold(history); err == nil && s.Ended() && e.Seq >= known {
				return to.end(s)
			}
		}
	}
}

// A listener is who hears a stream.
type listener struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// event tells one event, under its name.
func (l listener) event(e events.Event) error {
	return l.say(fmt.Sprintf("id: %d\nevent: %s\n", e.Seq, e.Subject.Kind), struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		report.Event
	}{e.Subject.Type, e.Subject.ID, report.EventOf(e)})
}

// end tells that nothing more comes, and what came of the saga.
func (l listener) end(s *saga.State) error {
	return l.say("event: end\n", struct {
		Type   string      `json:"type"`
		ID     string      `json:"id"`
		Status saga.Status `json:"status"`
	}{s.Type, s.ID, s.Status()})
}

// beat is a comment: it keeps what stands between from hanging up.
func (l listener) beat() error { return l.write(": \n\n") }

func (l listener) say(head string, body any) error {
	text, err := json.Marshal(body) // on one line
	if err != nil {
		return err
	}
	return l.write(head + "data: " + string(text) + "\n\n")
}

// write waits for nobody who takes too long.
func (l listener) write(text string) error {
	_ = l.control.SetWriteDeadline(time.Now().Add(slow)) // a recorder in a test has none
	if _, err := io.WriteString(l.w, text); err != nil {
		return err
	}
	return l.control.Flush()
}
