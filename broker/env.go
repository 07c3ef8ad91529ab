package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
)

// FromEnv reads from the environment where the broker is, so that an agent
// moves from one broker to another without a change: $NATS_URL, or
// $NATS_CONTEXT, with $NATS_CREDS, $NATS_CA, $NATS_CERT and $NATS_KEY, which the
// nats tool reads too; and $NATS_REPLICAS, of the streams that are made.
func FromEnv() (Config, error) {
	c := Config{URL: os.Getenv("NATS_URL"), Context: os.Getenv("NATS_CONTEXT"), Creds: os.Getenv("NATS_CREDS")}
	if n := os.Getenv("NATS_REPLICAS"); n != "" {
		replicas, err := strconv.Atoi(n)
		if err != nil || replicas < 1 || replicas > 5 {
			return Config{}, fmt.Errorf("NATS_REPLICAS=%s: want 1 to 5\nhint: 3 where there are three servers, else 1", n)
		}
		c.Replicas = replicas
	}
	var err error
	c.TLS, err = tlsFrom(os.Getenv("NATS_CA"), os.Getenv("NATS_CERT"), os.Getenv("NATS_KEY"))
	return c, err
}

// tlsFrom reads who signs the broker's certificate, and a certificate of our
// own. Without files it is nil: the URL decides.
func tlsFrom(ca, cert, key string) (*tls.Config, error) {
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("read NATS_CA: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read NATS_CA: %s holds no certificate\nhint: it must be PEM", ca)
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read NATS_CERT and NATS_KEY: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
