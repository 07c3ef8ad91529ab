package mail

import (
	"cmp"
	"crypto/tls"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Security is how a connection is protected.
type Security string

// The ways to protect a connection.
const (
	STARTTLS Security = "starttls" // required: without it nothing is sent; the default
	Implicit Security = "implicit" // TLS from the first byte, mostly on port 465
	None     Security = "none"     // for a server on this machine
)

// Config is what is not the same everywhere. The zero value speaks STARTTLS on
// port 587 and does not sign in.
type Config struct {
	Port     int           // 0: 587, with Implicit 465, with None 25
	Security Security      // "": STARTTLS
	TLS      *tls.Config   // nil: the system's roots and the host's name
	Username string        // "": do not sign in
	Password string        // never logged
	Timeout  time.Duration // for connecting and for sending, each; 0: 15 s
	Hello    string        // the name to greet with; "": this machine's
}

// mechanisms are the ways to sign in, the best first. PLAIN and LOGIN show the
// password: go-mail refuses them without TLS, but for a server on this machine.
var mechanisms = []gomail.SMTPAuthType{
	gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin,
}

func (c Config) options() ([]gomail.Option, error) {
	ports := map[Security]int{"": 587, STARTTLS: 587, Implicit: 465, None: 25}
	port, ok := ports[c.Security]
	if !ok {
		return nil, fmt.Errorf("security %q is none of %s, %s, %s", c.Security, STARTTLS, Implicit, None)
	}
	policy := gomail.TLSMandatory
	if c.Security == Implicit || c.Security == None {
		policy = gomail.NoTLS // no STARTTLS, that is: an implicit TLS is dialled
	}
	o := []gomail.Option{
		gomail.WithTLSPolicy(policy), gomail.WithPort(cmp.Or(c.Port, port)), gomail.WithTimeout(cmp.Or(c.Timeout, 15*time.Second)),
		// One message for each connection: nothing to reset, nothing to keep alive.
		gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	if c.TLS != nil {
		o = append(o, gomail.WithTLSConfig(c.TLS))
	}
	if c.Username != "" {
		o = append(o, gomail.WithOpportunisticSMTPAuth(mechanisms...), gomail.WithUsername(c.Username), gomail.WithPassword(c.Password))
	}
	if c.Hello != "" {
		o = append(o, gomail.WithHELO(c.Hello))
	}
	return o, nil
}

func domain(address string) (string, error) {
	a, err := netmail.ParseAddress(address)
	if err != nil {
		return "", fmt.Errorf("address %q: %w", address, err)
	}
	_, domain, _ := strings.Cut(a.Address, "@")
	return domain, nil
}
