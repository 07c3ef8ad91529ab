package inbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
)

// The standard library's client is not the one that package mail uses.
func post(t *testing.T, b *Inbox, id string) error {
	t.Helper()
	return smtp.SendMail(b.Addr(), nil, "a@x.example", []string{"b@x.example"},
		[]byte("Message-Id: <"+id+">\r\nSubject: =?utf-8?q?gr=C3=BCezi?=\r\n\r\nhello\r\n"))
}

func TestHTTP(t *testing.T) {
	b, err := Start("", Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	web := httptest.NewServer(b.Handler())
	defer web.Close()
	ask := func(method, path, body string, status int) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		if w.StatusCode != status {
			t.Errorf("%s %s: %s, want %d", method, path, w.Status, status)
		}
		var v any
		_ = json.NewDecoder(w.Body).Decode(&v)
		text, _ := json.Marshal(v)
		return string(text)
	}

	if got := ask("GET", "/messages", "", 200); got != "[]" {
		t.Errorf("an empty inbox lists %s", got)
	}
	for _, id := range []string{"1@x", "1@x", "2@x"} {
		if err := post(t, b, id); err != nil {
			t.Fatal(err)
		}
	}
	var all []Message
	if err := json.Unmarshal([]byte(ask("GET", "/messages?message_id=1@x", "", 200)), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Number != 1 || all[0].Subject != "grüezi" || all[0].Text != "hello\n" || all[1].To[0] != "b@x.example" {
		t.Errorf("got %+v", all)
	}
	ask("DELETE", "/messages", "", 204)
	if n := len(b.Messages()); n != 0 {
		t.Errorf("%d messages after forgetting", n)
	}

	if got := ask("GET", "/faults", "", 200); got != `{"mode":"none"}` {
		t.Errorf("faults %s", got)
	}
	ask("PUT", "/faults", `{"mode":"refuse","count":2}`, 200)
	for range 2 {
		if err := post(t, b, "3@x"); err == nil || !strings.HasPrefix(err.Error(), "550") {
			t.Errorf("got %v, want 550", err)
		}
	}
	if err := post(t, b, "3@x"); err != nil {
		t.Errorf("the fault struck a third time: %v", err)
	}
	ask("PUT", "/faults", `{"mode":"explode"}`, 400)
	ask("PUT", "/faults", `{"mode":"cut","count":-1}`, 400)
	ask("PUT", "/faults", `nonsense`, 400)
}
