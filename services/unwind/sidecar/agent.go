package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/otel/propagation"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// A Program is what does an agent's work, or undoes it.
type Program struct {
	config.Outside

	Folder string            // where it runs; default: here
	Env    []string          // of a program that is started; nil: the environment of this one
	Logger *slog.Logger      // default: slog.Default
	Header map[string]string // added to each call over HTTP
	Wrap   func(*exec.Cmd)   // may change how a program that is started for each call is; nil: nothing
}

// Parse reads a program as it is named on a command line: "exec:python3 agent.py", or a
// URL.
func Parse(text string) (config.Outside, error) {
	if words, ok := strings.CutPrefix(text, "exec:"); ok {
		if fields := strings.Fields(words); len(fields) > 0 {
			return config.Outside{Exec: fields}, nil
		}
	} else if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return config.Outside{HTTP: text}, nil
	}
	return config.Outside{}, fmt.Errorf("%q: want a URL, or exec: and a command, as in \"exec:python3 agent.py\"", text)
}

type asker interface {
	ask(ctx context.Context, c call, data any) (answer, []byte, error)
}

func (p Program) asker() asker {
	if p.HTTP != "" {
		poster := newPoster(p.HTTP)
		poster.header = p.Header
		return poster
	}
	s := starter{command: p.Exec, folder: p.Folder, env: p.Env, logger: p.Logger, wrap: p.Wrap}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if s.env == nil {
		s.env = environment()
	}
	if strings.ContainsRune(s.command[0], filepath.Separator) && !filepath.IsAbs(s.command[0]) {
		s.command = append([]string{filepath.Join(s.folder, s.command[0])}, s.command[1:]...)
	}
	return s
}

// Perform is a handler's function that asks the program.
func (p Program) Perform() func(context.Context, agent.Task) (agent.Result, error) {
	program := p.asker()
	return func(ctx context.Context, t agent.Task) (agent.Result, error) {
		c, data, err := toPerform(ctx, t)
		if err != nil {
			return agent.Result{}, err
		}
		a, text, err := program.ask(ctx, c, data)
		if err != nil {
			return agent.Result{}, err
		}
		return a.result(text)
	}
}

// Compensate is a handler's compensation that asks the program.
func (p Program) Compensate() func(context.Context, agent.Undo) error {
	program := p.asker()
	return func(ctx context.Context, u agent.Undo) error {
		c, data := toUndo(ctx, u)
		a, text, err := program.ask(ctx, c, data)
		if err != nil {
			return err
		}
		return a.undone(text)
	}
}

// New makes the handler of an agent whose work is done by programs outside. Programs
// that are started run in the folder of the agent's file.
func New(cfg config.Config, logger *slog.Logger) (agent.Handler, error) {
	if cfg.Handler == nil {
		return agent.Handler{}, errors.New("the agent has no handler\nhint: handler: {http: \"http://127.0.0.1:8080/perform\"}, or {exec: [python3, agent.py]}")
	}
	folder := Folder(cfg)
	h := agent.Handler{Perform: Program{Outside: *cfg.Handler, Folder: folder, Logger: logger}.Perform()}
	if cfg.Compensation != nil {
		undo := Program{Outside: *cfg.Compensation, Folder: folder, Logger: logger}
		h.Compensations = agent.Compensations{config.OutsideHandler: undo.Compensate()}
	}
	return h, nil
}

// Folder is that of an agent's file.
func Folder(cfg config.Config) string { return filepath.Dir(cfg.At("").File) }

// traceOf is the trace that a program's work is part of: that of the span that is open,
// or else of the message that asked for it.
func traceOf(ctx context.Context) agent.Trace {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if parent := carrier.Get("traceparent"); parent != "" {
		return agent.Trace{Parent: parent, State: carrier.Get("tracestate")}
	}
	return agent.TraceOf(ctx)
}
