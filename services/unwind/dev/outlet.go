package dev

import (
	"fmt"
	"io"
	"sync"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// An outlet is where all agents print: whole lines, each with its agent's name
// in front.
type outlet struct {
	mu   sync.Mutex
	w    io.Writer
	ink  ink.Ink
	wide int // the longest name
}

// line prints what an agent said. A writer that fails is no reason to stop an
// agent.
func (o *outlet) line(agent, name, text string) {
	o.print(agent, name, "│ "+text)
}

// note prints what became of an agent.
func (o *outlet) note(agent, name, text string) {
	o.print(agent, name, o.ink.Paint(ink.Warn, "● "+text))
}

func (o *outlet) print(agent, name, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = fmt.Fprintf(o.w, "%s %s\n", o.ink.Name(agent, ink.Left(name, o.wide)), text)
}
