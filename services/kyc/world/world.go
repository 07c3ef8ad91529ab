// Package world is everything around the agents of the family that is not
// theirs: the house of the face provider, the mail server, the people who
// apply; and the eye that looks, when a saga has ended, whether something of it
// was left behind anywhere. It never asks the saga: it looks where the effects
// are.
//
//	w, err := world.Open(folder)
//	defer w.Close()
//	crew, err := dev.Start(ctx, dev.Config{Env: w.Env(), ...}, programs)
//	...
//	effects, err := w.Effects(ctx, "order-1")
//
// The demonstration and the test of real processes live in it.
package world

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/biometrics/provider"
	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/mail/inbox"
)

// A World runs on loopback, and keeps what it keeps in one folder.
type World struct {
	Provider *provider.Provider
	Inbox    *inbox.Inbox

	state    string // folder of the agents' stores
	listener net.Listener
	server   *http.Server
}

// Options are what may be said of a world. The zero value works.
type Options struct {
	// Takes is how long a comparison takes at the provider, at the least;
	// default 50 ms. One that takes no time is never met by what goes wrong
	// meanwhile.
	Takes time.Duration

	// Addresses of the two houses; default any free port of loopback.
	Face, Mail string
}

// Open opens the houses.
func Open(folder string) (*World, error) { return Options{}.Open(folder) }

// Open is [Open] with options.
func (o Options) Open(folder string) (_ *World, err error) {
	if folder, err = filepath.Abs(folder); err != nil { // agents run in folders of their own
		return nil, fmt.Errorf("open the world: %w", err)
	}
	w := &World{state: filepath.Join(folder, "agents")}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the world: %w", err), w.Close())
		}
	}()
	if err := os.MkdirAll(w.state, 0o700); err != nil {
		return nil, err
	}
	eyes, err := detector()
	if err != nil {
		return nil, err
	}
	if w.Provider, err = provider.Open(filepath.Join(folder, "provider.db"), &comparer{detector: eyes, takes: cmp.Or(o.Takes, 50*time.Millisecond)}, provider.Config{Threshold: face.Match}); err != nil {
		return nil, err
	}
	if w.Inbox, err = inbox.Start(o.Mail, inbox.Config{}); err != nil {
		return nil, err
	}
	if w.listener, err = net.Listen("tcp", cmp.Or(o.Face, "127.0.0.1:0")); err != nil {
		return nil, err
	}
	w.server = &http.Server{Handler: w.Provider.Handler()} //nolint:gosec // on loopback, for a test
	go func() { _ = w.server.Serve(w.listener) }()
	return w, nil
}

// Env tells the agents where everything is.
func (w *World) Env() []string {
	host, port, _ := net.SplitHostPort(w.Inbox.Addr())
	return []string{
		"KYC_STATE=" + w.state,
		"FACE_PROVIDER=" + w.provider(),
		"SMTP_HOST=" + host,
		"SMTP_PORT=" + port,
	}
}

func (w *World) provider() string { return "http://" + w.listener.Addr().String() }

// Close closes the houses.
func (w *World) Close() error {
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	if w.Inbox != nil {
		errs = append(errs, w.Inbox.Close())
	}
	if w.Provider != nil {
		errs = append(errs, w.Provider.Close())
	}
	return errors.Join(errs...)
}

// detector is shared by all worlds: unpacking it takes longer than all the rest.
var detector = sync.OnceValues(face.NewDetector)

// comparer is the provider's judgement of faces. It knows those that it has seen:
// a crowd shares twelve of them, and describing one takes long.
type comparer struct {
	detector  *face.Detector
	takes     time.Duration
	templates sync.Map // face.Template by string, the picture
}

// Compare implements [provider.Comparer].
func (c *comparer) Compare(portrait, selfie []byte) (float64, []byte, error) {
	enough := time.After(c.takes)
	one, err := c.template(portrait)
	if err != nil {
		return 0, nil, fmt.Errorf("the portrait: %w", err)
	}
	other, err := c.template(selfie)
	if err != nil {
		return 0, nil, fmt.Errorf("the selfie: %w", err)
	}
	kept, err := one.MarshalBinary()
	<-enough
	return face.Similarity(one, other), kept, err
}

func (c *comparer) template(picture []byte) (face.Template, error) {
	if known, ok := c.templates.Load(string(picture)); ok {
		return known.(face.Template), nil
	}
	img, err := face.Decode(picture)
	if err != nil {
		return face.Template{}, err
	}
	t, err := c.detector.Template(img)
	if err == nil {
		c.templates.Store(string(picture), t)
	}
	return t, err
}
