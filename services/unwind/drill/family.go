package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/agent/inject"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

// A Family is the agents of a saga type, and how they are drilled.
type Family struct {
	Saga     string            `yaml:"saga"`
	Faults   string            `yaml:"faults"` // a file beside this one
	Command  []string          `yaml:"command"`
	Every    []string          `yaml:"every"`
	Env      map[string]string `yaml:"env"`
	file     string
	programs []dev.Program
}

// File is the name of a family's file.
const File = "drill.yaml"

// Find looks below folders for the drill of a saga type, and for its agents.
func Find(typ string, folders ...string) (Family, error) {
	var found []Family
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrPermission) && path != folder:
				return nil // no folder of ours
			case err != nil:
				return err
			case d.IsDir() && path != folder && dev.Passed(d.Name()):
				return filepath.SkipDir
			case d.IsDir() || d.Name() != File:
				return nil
			}
			f, err := read(path)
			if err == nil {
				found = append(found, f)
			}
			return err
		})
		if err != nil {
			return Family{}, fmt.Errorf("look for a drill of %q: %w", typ, err)
		}
	}
	i := slices.IndexFunc(found, func(f Family) bool { return f.Saga == typ })
	if i < 0 {
		hint := "a family describes its drill in a " + File
		if len(found) > 0 {
			hint = "there is one of " + strings.Join(names(found), ", ")
		}
		return Family{}, fmt.Errorf("look for a drill of %q in %s: there is none\nhint: %s", typ, strings.Join(folders, ", "), hint)
	}
	return found[i].gather(folders)
}

func names(families []Family) []string {
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.Saga] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func read(path string) (Family, error) {
	f := Family{file: path}
	file, err := config.ReadFile(path, &f)
	if err != nil {
		return f, err
	}
	for _, required := range []struct{ name, value string }{{"saga", f.Saga}, {"faults", f.Faults}} {
		if required.value == "" {
			file.Mistake(required.name, "is required")
		}
	}
	return f, file.Err()
}

// gather finds the agents, which must fit together.
func (f Family) gather(folders []string) (Family, error) {
	cast, err := dev.Find(folders...)
	if err != nil {
		return f, err
	}
	if len(cast.Mistakes) > 0 {
		return f, cast.Mistakes
	}
	for _, p := range cast.Programs {
		if p.Config.Saga == f.Saga {
			f.programs = append(f.programs, p)
		}
	}
	if len(f.programs) == 0 {
		return f, fmt.Errorf("drill %q: there are no agents of it in %s", f.Saga, strings.Join(folders, ", "))
	}
	return f, nil
}

// folder is where the family's file is.
func (f Family) folder() string { return filepath.Dir(f.file) }

// profile reads the faults: those of a file, or the family's own.
func (f Family) profile(path string) (string, inject.Profile, error) {
	if path == "" {
		path = filepath.Join(f.folder(), f.Faults)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", inject.Profile{}, err
	}
	p, err := inject.Read(path)
	return path, p, err
}

// build builds the agents and the family's own program, once for all rows.
func (f Family) build(ctx context.Context, folder string) (programs []dev.Program, command []string, err error) {
	own := dev.Program{Config: config.Config{Agent: "drill", Command: f.Command}, File: f.file}
	built, err := dev.Build(ctx, folder, append(slices.Clone(f.programs), own))
	if err != nil {
		return nil, nil, err
	}
	last := len(built) - 1
	command = built[last].Config.Command
	if len(f.Command) == 0 {
		command = command[:1] // it has no --config
	}
	return built[:last], command, nil
}

// place says whose an effect is: an agent's, at its step, or nobody's we know.
func (f Family) step(where string) string {
	for _, p := range f.programs {
		if p.Config.Agent == where {
			return p.Config.Step
		}
	}
	return ""
}
