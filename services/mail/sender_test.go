package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/services/mail/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var letter = Message{To: "Anna Eriksson <anna@utopia.example>", Subject: "Dobrý den, Ànna", Text: "Vítejte.\n.\nA line that is a dot.\n"}

func start(t *testing.T, config inbox.Config) *inbox.Inbox {
	t.Helper()
	b, err := inbox.Start("", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func sender(t *testing.T, addr string, config Config) *Sender {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	if config.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	s, err := New(host, "Unwind <kyc@unwind.example>", config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	b := start(t, inbox.Config{})
	id, err := sender(t, b.Addr(), Config{Security: None}).Send(t.Context(), "kyc/42/notify/mailer", letter)
	if err != nil {
		t.Fatal(err)
	}
	all := b.Messages()
	if len(all) != 1 {
		t.Fatalf("%d messages came, want 1", len(all))
	}
	m := all[0]
	if m.MessageID != id || id != MessageID("kyc/42/notify/mailer", "unwind.example") {
		t.Errorf("message id %q, want %q", m.MessageID, id)
	}
	if m.From != "kyc@unwind.example" || len(m.To) != 1 || m.To[0] != "anna@utopia.example" {
		t.Errorf("from %s to %v", m.From, m.To)
	}
	if m.Subject != letter.Subject || strings.TrimRight(m.Text, "\n") != strings.TrimRight(letter.Text, "\n") {
		t.Errorf("subject %q, text %q", m.Subject, m.Text)
	}
	if !strings.Contains(string(m.Raw), "Auto-Submitted: auto-generated") {
		t.Error("the message does not say that a machine sent it")
	}
}

// A duplicate is recognisable, and another message is not taken for one.
func TestDuplicate(t *testing.T) {
	b := start(t, inbox.Config{})
	s := sender(t, b.Addr(), Config{Security: None})
	for _, key := range []string{"a", "a", "b"} {
		if _, err := s.Send(t.Context(), key, letter); err != nil {
			t.Fatal(err)
		}
	}
	m := b.Messages()
	if len(m) != 3 || m[0].MessageID != m[1].MessageID || m[1].MessageID == m[2].MessageID {
		t.Errorf("message ids %+v", m)
	}
}

// Each fault of the server, what Send says of it, and what really came.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		mode  inbox.Mode
		stage Stage
		class Class
		code  int
		maybe bool
		came  int
	}{
		{inbox.Down, Connect, Transient, 0, false, 0},
		{inbox.Busy, Connect, Transient, 421, false, 0},
		{inbox.Refuse, Recipient, Refused, 550, false, 0},
		{inbox.Defer, Recipient, Transient, 451, false, 0},
		{inbox.Spam, Answer, Refused, 554, false, 0},
		{inbox.Full, Answer, Transient, 452, false, 0},
		{inbox.Cut, Answer, Unknown, 0, true, 1},
		{inbox.Lose, Answer, Unknown, 0, true, 0},
		{inbox.Hang, Answer, Unknown, 0, true, 1},
	} {
		t.Run(string(tc.mode), func(t *testing.T) {
			b := start(t, inbox.Config{})
			s := sender(t, b.Addr(), Config{Security: None, Timeout: 500 * time.Millisecond})
			if err := b.Fail(inbox.Fault{Mode: tc.mode, Count: 1}); err != nil {
				t.Fatal(err)
			}
			_, err := s.Send(t.Context(), "k", letter)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Stage != tc.stage || e.Class != tc.class || e.Code != tc.code || e.MayHaveHappened != tc.maybe {
				t.Errorf("got stage %s, class %s, code %d, may have happened %v: %v", e.Stage, e.Class, e.Code, e.MayHaveHappened, err)
			}
			if n := len(b.Messages()); n != tc.came {
				t.Errorf("%d messages came, want %d", n, tc.came)
			}
			// The fault has struck its one time.
			if _, err := s.Send(t.Context(), "k", letter); err != nil {
				t.Errorf("after the fault: %v", err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	b, err := inbox.Start("", inbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = sender(t, b.Addr(), Config{Security: None}).Send(t.Context(), "k", letter)
	wantUnsent(t, err, Connect, Transient)
}

// The line breaks, or falls silent, at each point before the content: nothing was
// sent, and the server may be back soon.
func TestCutBeforeTheContent(t *testing.T) {
	for _, tc := range []struct {
		name   string
		stage  Stage
		before string // the verb that is not answered; "": there is no greeting
	}{
		{"before the greeting", Connect, ""},
		{"at the greeting of the client", Connect, "EHLO"},
		{"at the sender", Envelope, "MAIL"},
		{"at the recipient", Recipient, "RCPT"},
		{"at the content", Data, "DATA"},
	} {
		for _, silent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, silent %t", tc.name, silent), func(t *testing.T) {
				addr, done := script(t, func(c net.Conn) {
					stop := func() {
						if silent {
							_, _ = io.Copy(io.Discard, c)
						}
					}
					if tc.before == "" {
						stop()
						return
					}
					fmt.Fprint(c, "220 hello\r\n")
					for in := bufio.NewScanner(c); in.Scan(); {
						if verb, _, _ := strings.Cut(in.Text(), " "); verb == tc.before {
							stop()
							return
						}
						fmt.Fprint(c, "250 ok\r\n")
					}
				})
				_, err := sender(t, addr, Config{Security: None, Timeout: 200 * time.Millisecond}).Send(t.Context(), "k", letter)
				wantUnsent(t, err, tc.stage, Transient)
				<-done
			})
		}
	}
}

// What answers, but not as a mail server does, will not become one by waiting.
func TestNoMailServer(t *testing.T) {
	addr, done := script(t, func(c net.Conn) {
		fmt.Fprint(c, "* OK IMAP4rev1 ready\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	_, err := sender(t, addr, Config{Security: None}).Send(t.Context(), "k", letter)
	wantUnsent(t, err, Connect, Unavailable)
	<-done
}

func TestContextEndsBefore(t *testing.T) {
	b := start(t, inbox.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sender(t, b.Addr(), Config{Security: None}).Send(ctx, "k", letter)
	wantUnsent(t, err, Connect, Transient)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func wantUnsent(t *testing.T, err error, stage Stage, class Class) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Stage != stage || e.Class != class || e.MayHaveHappened {
		t.Errorf("got %+v, want stage %s, class %s, not sent", err, stage, class)
	}
}

// The connection breaks in the middle of a content too long for any buffer.
func TestCutInTheContent(t *testing.T) {
	addr, done := script(t, func(c net.Conn) {
		fmt.Fprint(c, "220 hello\r\n")
		for in := bufio.NewScanner(c); in.Scan(); {
			switch verb, _, _ := strings.Cut(in.Text(), " "); verb {
			case "DATA":
				fmt.Fprint(c, "354 go on\r\n")
				in.Scan()
				return
			default:
				fmt.Fprint(c, "250 ok\r\n")
			}
		}
	})
	long := letter
	long.Text = strings.Repeat("Many words are no proof.\n", 200_000)
	_, err := sender(t, addr, Config{Security: None}).Send(t.Context(), "k", long)
	var e *Error
	if !errors.As(err, &e) || e.Class != Unknown || !e.MayHaveHappened {
		t.Errorf("got %v, want one that may have happened", err)
	}
	<-done
}

// A server that wants nothing to do with us is not left with an open connection.
func TestConnectionIsClosed(t *testing.T) {
	addr, done := script(t, func(c net.Conn) {
		fmt.Fprint(c, "220 hello\r\n")
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		in := bufio.NewScanner(c)
		for in.Scan() {
			fmt.Fprint(c, "554 go away\r\n")
		}
		if err := in.Err(); err != nil {
			t.Errorf("the connection was not closed: %v", err)
		}
	})
	_, err := sender(t, addr, Config{Security: None}).Send(t.Context(), "k", letter)
	wantUnsent(t, err, Connect, Unavailable)
	<-done
}

// script is a server for one connection.
func script(t *testing.T, play func(net.Conn)) (addr string, done <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	over := make(chan struct{})
	go func() {
		defer close(over)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		play(c)
	}()
	return l.Addr().String(), over
}

func TestContextCutsTheConnection(t *testing.T) {
	b := start(t, inbox.Config{})
	if err := b.Fail(inbox.Fault{Mode: inbox.Hang}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for len(b.Messages()) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := sender(t, b.Addr(), Config{Security: None, Timeout: time.Minute}).Send(ctx, "k", letter)
	var e *Error
	if !errors.As(err, &e) || e.Class != Unknown || !e.MayHaveHappened {
		t.Errorf("got %v, want one that may have happened", err)
	}
}

func TestSecurity(t *testing.T) {
	// httptest has a certificate for 127.0.0.1.
	web := httptest.NewTLSServer(nil)
	serverTLS := &tls.Config{Certificates: web.TLS.Certificates}
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	web.Close()
	trusting := &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}

	for _, tc := range []struct {
		name   string
		server inbox.Config
		client Config
		sent   bool
		code   int
	}{
		{"STARTTLS and sign-in", inbox.Config{TLS: serverTLS, Username: "u", Password: "p"}, Config{TLS: trusting, Username: "u", Password: "p"}, true, 0},
		{"implicit and sign-in", inbox.Config{TLS: serverTLS, Implicit: true, Username: "u", Password: "p"}, Config{Security: Implicit, TLS: trusting, Username: "u", Password: "p"}, true, 0},
		{"a wrong password", inbox.Config{TLS: serverTLS, Username: "u", Password: "p"}, Config{TLS: trusting, Username: "u", Password: "q"}, false, 535},
		{"sign-in where there is none", inbox.Config{TLS: serverTLS}, Config{TLS: trusting, Username: "u", Password: "p"}, false, 0},
		{"no STARTTLS offered", inbox.Config{}, Config{}, false, 0},
		{"a certificate that nobody trusts", inbox.Config{TLS: serverTLS}, Config{}, false, 0},
		{"an implicit one that nobody trusts", inbox.Config{TLS: serverTLS, Implicit: true}, Config{Security: Implicit}, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := start(t, tc.server)
			_, err := sender(t, b.Addr(), tc.client).Send(t.Context(), "k", letter)
			if tc.sent {
				if err != nil || len(b.Messages()) != 1 {
					t.Errorf("%d messages came, %v", len(b.Messages()), err)
				}
				return
			}
			wantUnsent(t, err, Connect, Unavailable)
			var e *Error
			if errors.As(err, &e) && e.Code != tc.code {
				t.Errorf("code %d, want %d", e.Code, tc.code)
			}
			if strings.Contains(fmt.Sprint(err), "\"p\"") || len(b.Messages()) != 0 {
				t.Errorf("%v; %d messages came", err, len(b.Messages()))
			}
		})
	}

	t.Run("a server that wants a sign-in", func(t *testing.T) {
		b := start(t, inbox.Config{Username: "u", Password: "p"})
		_, err := sender(t, b.Addr(), Config{Security: None}).Send(t.Context(), "k", letter)
		wantUnsent(t, err, Envelope, Unavailable)
	})
}

func TestBadAddresses(t *testing.T) {
	b := start(t, inbox.Config{})
	s := sender(t, b.Addr(), Config{Security: None})
	for _, to := range []string{"", "anna", "anna@utopia.example\r\nBcc: all@utopia.example", "a@x.example, b@x.example"} {
		m := letter
		m.To = to
		_, err := s.Send(t.Context(), "k", m)
		wantUnsent(t, err, Recipient, Refused)
	}
	m := letter
	m.Subject = "Hello\r\nBcc: all@utopia.example"
	if _, err := s.Send(t.Context(), "k", m); err == nil {
		head, _, _ := strings.Cut(string(b.Messages()[0].Raw), "\r\n\r\n")
		for line := range strings.Lines(head) {
			if strings.HasPrefix(line, "Bcc:") {
				t.Error("a subject made a heading of its own")
			}
		}
	}
	if _, err := New("127.0.0.1", "nobody", Config{}); err == nil {
		t.Error("a sender without an address was accepted")
	}
	if _, err := New("127.0.0.1", "a@b.example", Config{Security: "tls"}); err == nil {
		t.Error("an unknown security was accepted")
	}
}
