package inbox

import (
	"encoding/json"
	"net/http"
	"slices"
)

// Handler serves what the package comment lists.
func (b *Inbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		all := b.Messages()
		if id := r.FormValue("message_id"); id != "" {
			all = slices.DeleteFunc(all, func(m Message) bool { return m.MessageID != id })
		}
		if all == nil {
			all = []Message{}
		}
		answer(w, all)
	})
	mux.HandleFunc("DELETE /messages", func(w http.ResponseWriter, _ *http.Request) {
		b.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, b.faults.get()) })
	mux.HandleFunc("PUT /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&f); err != nil {
			http.Error(w, "read fault: "+err.Error(), http.StatusBadRequest)
			return
		}
		if err := b.Fail(f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, b.faults.get())
	})
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
