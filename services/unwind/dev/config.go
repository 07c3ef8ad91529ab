package dev

import (
	"cmp"
	"io"
	"log/slog"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A Config says how a crew is run. The zero value works.
type Config struct {
	Store string // folder of the broker's streams and of what is built; default .unwind

	URL          string        // of a broker that runs already; else one is started
	Port         int           // of the broker that is started, on the loopback interface; default any free one
	SyncAlways   bool          // the broker writes each event to the disk before it acknowledges it
	SyncInterval time.Duration // or so often; default every two minutes

	// Unwind is the path of the tool itself: an agent whose command begins with
	// unwind is started by it, whatever is called so elsewhere. Default: as any
	// other command.
	Unwind string

	Env      []string      // for every agent, beside the environment of this program
	Replicas int           // processes for each agent; default 1
	Grace    time.Duration // between SIGTERM and SIGKILL; default 15 s

	// A process that ended is started again after FirstDelay, which doubles
	// with each further death up to MostDelay, and is forgotten when the
	// process has lived for a while.
	FirstDelay time.Duration // default 500 ms
	MostDelay  time.Duration // default 30 s

	Output io.Writer    // what agents print, each line with its agent's name, and what becomes of them; default nowhere
	Quiet  bool         // only what becomes of them
	Ink    ink.Ink      // of these names
	Logger *slog.Logger // of the broker and the connection to it; default nowhere
}

func (c Config) withDefaults() Config {
	c.Store = cmp.Or(c.Store, ".unwind")
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.Grace = cmp.Or(c.Grace, 15*time.Second)
	c.FirstDelay = cmp.Or(c.FirstDelay, 500*time.Millisecond)
	c.MostDelay = cmp.Or(c.MostDelay, 30*time.Second)
	if c.Output == nil {
		c.Output = io.Discard
	}
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return c
}

// settled is how long a process must live for its earlier deaths to be
// forgotten.
const settled = 10 * time.Second
