// Package world is everything around the agents of the family that is not
// theirs: the two providers, the places to which people want; and the eye that
// looks, when a saga has ended, what it left. It never asks the saga: it looks
// where the effects are.
//
//	w, err := world.Open(folder)
//	defer w.Close()
//	crew, err := dev.Start(ctx, dev.Config{Env: w.Env(), ...}, programs)
//	...
//	effects, err := w.Effects(ctx, "order-1")
//
// The demonstration and the tests live in it.
package world

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/unwind-saga/unwind/services/route/providers"
	"github.com/unwind-saga/unwind/services/route/roads"
)

// Key is the one that our Google wants.
const Key = "demo"

// A World runs on loopback, and keeps what it keeps in one folder.
type World struct {
	Google, OSRM *providers.Server

	state   string // folder of the agents' stores
	servers []*http.Server
	addrs   []string
}

// Open opens the two providers on ports that are free, or on those given.
func Open(folder string, ports ...int) (_ *World, err error) {
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
	graph, err := roads.Load()
	if err != nil {
		return nil, err
	}
	w.Google, w.OSRM = providers.Google(graph, Key), providers.OSRM(graph)
	for i, s := range []*providers.Server{w.Google, w.OSRM} {
		port := 0
		if i < len(ports) {
			port = ports[i]
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return nil, err
		}
		server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
		w.servers, w.addrs = append(w.servers, server), append(w.addrs, "http://"+l.Addr().String())
		go func() { _ = server.Serve(l) }()
	}
	return w, nil
}

// Addresses are those of Google and of OSRM.
func (w *World) Addresses() (google, osrm string) { return w.addrs[0], w.addrs[1] }

// Env tells the agents where everything is.
func (w *World) Env() []string {
	return []string{
		"ROUTE_STATE=" + w.state,
		"GOOGLE_MAPS_URL=" + w.addrs[0],
		"GOOGLE_MAPS_KEY=" + Key,
		"OSRM_URL=" + w.addrs[1],
	}
}

// Fail tells both providers how to fail; [providers.Sound] for not at all.
func (w *World) Fail(google, osrm providers.Mode) error {
	return errors.Join(w.Google.Fail(providers.Fault{Mode: google}), w.OSRM.Fail(providers.Fault{Mode: osrm}))
}

// Close closes the providers.
func (w *World) Close() error {
	var errs []error
	for _, s := range w.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
