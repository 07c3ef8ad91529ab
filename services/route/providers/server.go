package providers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A Server is one provider. It is an [http.Handler].
type Server struct {
	faults faults
	// answer is what is said to a question, with those faults that are in the
	// words; the others are in how it is said.
	answer func(*http.Request, Fault) (status int, body any)
}

// Fail tells the server how to fail from now on.
func (s *Server) Fail(f Fault) error {
	if f.Mode == "" {
		f.Mode = Sound
	}
	if err := f.check(); err != nil {
		return err
	}
	s.faults.put(f)
	return nil
}

// Calls says how often it was asked, and how many of the calls failed to order.
func (s *Server) Calls() (all, failed int) {
	_, all, failed = s.faults.get()
	return all, failed
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/fault" {
		s.control(w, r)
		return
	}
	f := s.faults.strike()
	status, answer := s.answer(r, f)
	body, err := json.Marshal(answer)
	if err != nil { // it says what it is made of, which is numbers and text
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	switch f.Mode {
	case Down:
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	case Hang:
		<-r.Context().Done()
		return
	case Cut:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Truncated:
		body = body[:len(body)/2]
	case Hollow:
		status, body = http.StatusOK, []byte("{}")
	case Page:
		status, body = http.StatusOK, []byte("<html><body>Welcome to our new network. Please sign in.</body></html>")
		w.Header().Set("Content-Type", "text/html")
	case Throttle:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // who went away does not want it
}

// control tells what is set, and sets it.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		var f Fault
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		err := d.Decode(&f)
		if err == nil {
			err = s.Fail(f)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	set, calls, failed := s.faults.get()
	body, _ := json.Marshal(set) // text and numbers
	_, _ = fmt.Fprintf(w, "{\"fault\": %s, \"calls\": %d, \"failed\": %d}\n", body, calls, failed)
}

// pair reads two numbers that a comma parts.
func pair(text string) (a, b float64, ok bool) {
	left, right, found := strings.Cut(text, ",")
	a, err := strconv.ParseFloat(strings.TrimSpace(left), 64)
	b, err2 := strconv.ParseFloat(strings.TrimSpace(right), 64)
	return a, b, found && err == nil && err2 == nil
}
