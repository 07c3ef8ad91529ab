package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/lint"
)

// A Program is an agent that can be started.
type Program struct {
	Config   config.Config
	File     string   // its agent.yaml
	Env      []string // beside the environment of this program, as NAME=value
	Replicas int      // processes; default [Config.Replicas]
}

// folder is where the program's command is run, and where its Go package is.
func (p Program) folder() string { return filepath.Dir(p.File) }

// A Cast is what was found: the programs, and what is wrong with them.
type Cast struct {
	Files    []string
	Programs []Program // of the files without a mistake
	Mistakes config.Mistakes
	Findings []lint.Finding // of all programs together; only when no file has a mistake
}

// Errors reports whether anything found is an error, and not just worth
// knowing.
func (c Cast) Errors() bool {
	return len(c.Mistakes) > 0 || slices.ContainsFunc(c.Findings, func(f lint.Finding) bool { return f.Severity == lint.Error })
}

// ToBuild counts the programs that are built before they start.
func (c Cast) ToBuild() (n int) {
	for _, p := range c.Programs {
		if len(p.Config.Command) == 0 && p.Config.Handler == nil {
			n++
		}
	}
	return n
}

// Types lists the saga types of the programs.
func (c Cast) Types() []string { return types(c.Programs) }

func types(programs []Program) []string {
	var list []string
	for _, p := range programs {
		list = append(list, p.Config.Saga)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Find looks for agents: files that are named, and below folders every
// agent.yaml and every <name>.agent.yaml. Folders that are hidden, or called
// node_modules, vendor or testdata, are looked into only when they are named.
// It is an error to find none.
func Find(paths ...string) (Cast, error) {
	var c Cast
	for _, path := range paths {
		files, err := files(path)
		if err != nil {
			return Cast{}, fmt.Errorf("look for agents in %q: %w", path, err)
		}
		c.Files = append(c.Files, files...)
	}
	slices.Sort(c.Files)
	c.Files = slices.Compact(c.Files)
	if len(c.Files) == 0 {
		return Cast{}, fmt.Errorf("look for agents in %s: there is no agent.yaml\nhint: each agent has one in its folder; name the folder above them", quoted(paths))
	}
	var all []config.Config
	for _, file := range c.Files {
		cfg, err := config.Load(file)
		if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
			c.Mistakes = append(c.Mistakes, mistakes...)
			continue
		}
		if err != nil {
			return Cast{}, err
		}
		c.Programs = append(c.Programs, Program{Config: cfg, File: file})
		all = append(all, cfg)
	}
	if len(c.Mistakes) == 0 {
		c.Findings = lint.Check(all)
	}
	return c, nil
}

func quoted(paths []string) string {
	list := make([]string, len(paths))
	for i, p := range paths {
		list[i] = fmt.Sprintf("%q", p)
	}
	return strings.Join(list, ", ")
}

func files(path string) (list []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{filepath.Clean(path)}, nil
	}
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission) && file != path:
			return nil // no folder of ours
		case err != nil:
			return err
		case d.IsDir() && file != path && Passed(d.Name()):
			return filepath.SkipDir
		case !d.IsDir() && (d.Name() == "agent.yaml" || strings.HasSuffix(d.Name(), ".agent.yaml")):
			list = append(list, filepath.Clean(file))
		}
		return nil
	})
	return list, err
}

// Passed reports whether folders of this name are passed by.
func Passed(folder string) bool {
	return strings.HasPrefix(folder, ".") || slices.Contains([]string{"node_modules", "vendor", "testdata"}, folder)
}
