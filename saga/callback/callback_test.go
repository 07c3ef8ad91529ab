package callback_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/saga/callback"
)

var secret = []byte("a secret of enough bytes")

func Example() {
	desk, err := callback.New("https://saga.example.org", []byte("0123456789abcdef"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(desk.URL("trip", "order-1", "scan", 1))
	// Output: https://saga.example.org/v1/sagas/trip/order-1/steps/scan/answer?attempt=1&token=pvjo4pd1pbxSCL34zvrJR2Yi7EE1UXRlmLoKcby4zm0
}

func TestATokenIsGoodForOneQuestion(t *testing.T) {
	desk, err := callback.New("http://127.0.0.1:8222/", secret)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(desk.URL("trip", "1", "scan", 2))
	if err != nil || u.Path != "/v1/sagas/trip/1/steps/scan/answer" || u.Query().Get("attempt") != "2" {
		t.Fatalf("the URL is %s, %v", u, err)
	}
	token := u.Query().Get("token")
	for _, c := range []struct {
		typ, id, step, attempt string
		secret                 []byte
		want                   bool
	}{
		{"trip", "1", "scan", "2", secret, true},
		{"trips", "1", "scan", "2", secret, false},
		{"trip", "2", "scan", "2", secret, false},
		{"trip", "1", "scan2", "", secret, false},
		{"trip", "1", "card", "2", secret, false},
		{"trip", "1", "scan", "1", secret, false},
		{"trip", "1", "scan", "2", []byte("another secret, as long"), false},
	} {
		attempt, _ := strconv.Atoi(c.attempt)
		if got := callback.Valid(c.secret, token, c.typ, c.id, c.step, attempt); got != c.want {
			t.Errorf("the token is good for %v: %v", c, got)
		}
	}
	for _, token := range []string{"", "x", token[1:], token + "A"} {
		if callback.Valid(secret, token, "trip", "1", "scan", 2) {
			t.Errorf("token %q is good", token)
		}
	}
}

func TestNew(t *testing.T) {
	for base, says := range map[string]string{
		"":                           "want http(s)://host",
		"saga.example.org":           "want http(s)://host",
		"ftp://saga.example.org":     "want http(s)://host",
		"https://a:b@example.org":    "want no query",
		"https://example.org?x=1":    "want no query",
		"https://saga.example.org/x": "",
	} {
		_, err := callback.New(base, secret)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("New(%q): %v, want %q", base, err, says)
		}
	}
	if _, err := callback.New("https://example.org", []byte("short")); err == nil || !strings.Contains(err.Error(), "has 5 bytes") {
		t.Errorf("a short secret: %v", err)
	}
	t.Setenv(callback.EnvURL, "https://example.org")
	if _, err := callback.FromEnv(); err == nil {
		t.Error("made a desk without a secret")
	}
	t.Setenv(callback.EnvSecret, string(secret))
	if _, err := callback.FromEnv(); err != nil {
		t.Error(err)
	}
}
