package dev

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A builder makes the commands of programs. One that is a Go package is built
// once, however many agents it is.
type builder struct {
	folder string            // where the binaries go
	unwind string            // the tool itself, if it is known
	built  map[string]string // by folder
}

// Build builds the programs that have no command, into a folder, and gives
// them one. Whoever starts them several times builds them once.
func Build(ctx context.Context, folder string, programs []Program) ([]Program, error) {
	b := builder{folder: folder, unwind: itself(), built: map[string]string{}}
	built := make([]Program, len(programs))
	for i, p := range programs {
		command, err := b.command(ctx, p)
		if err != nil {
			return nil, err
		}
		p.Config.Command = command
		built[i] = p
	}
	return built, nil
}

// command finds how to start a program, as absolute paths where paths are
// meant: a command of its own, which is looked for beside its file; the tool itself
// where the work is done outside; or the Go package there.
func (b *builder) command(ctx context.Context, p Program) ([]string, error) {
	folder, err := filepath.Abs(p.folder())
	if err != nil {
		return nil, err
	}
	if len(p.Config.Command) > 0 {
		command := append([]string(nil), p.Config.Command...)
		if strings.ContainsRune(command[0], filepath.Separator) && !filepath.IsAbs(command[0]) {
			command[0] = filepath.Join(folder, command[0])
		}
		if command[0] == "unwind" {
			command[0] = b.tool()
		}
		return command, nil
	}
	file, err := filepath.Abs(p.File)
	if err != nil {
		return nil, err
	}
	if p.Config.Handler != nil {
		return []string{b.tool(), "agent", "run", "--config", file}, nil
	}
	binary, err := b.build(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("build agent %q in %s: %w", p.Config.Agent, p.folder(), err)
	}
	return []string{binary, "--config", file}, nil
}

// tool is how the tool itself is started, for the agents that it is.
func (b *builder) tool() string { return cmp.Or(b.unwind, "unwind") }

// itself is this program, where it is the tool.
func itself() string {
	path, err := os.Executable()
	if err != nil || filepath.Base(path) != "unwind" {
		return ""
	}
	return path
}

func (b *builder) build(ctx context.Context, folder string) (string, error) {
	if binary, ok := b.built[folder]; ok {
		return binary, nil
	}
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(sources) == 0 {
		return "", errors.New("there is no Go program\nhint: give the agent a command in its agent.yaml, or put its main package beside it")
	}
	// Folders of one name must not share a binary.
	name := fmt.Sprintf("%s-%x", filepath.Base(folder), sha256.Sum256([]byte(folder)))
	binary, err := filepath.Abs(filepath.Join(b.folder, name[:len(filepath.Base(folder))+9]))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(b.folder, 0o750); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = folder
	if output, err := build.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%w\nhint: install Go, or give the agent a command in its agent.yaml", err)
		}
		text := strings.TrimSpace(string(output))
		return "", fmt.Errorf("%w\n%s%s", err, text, moduleHint(text))
	}
	b.built[folder] = binary
	return binary, nil
}

// moduleHint helps whose agent is in no module, or in one that does not know where
// Unwind is.
func moduleHint(output string) string {
	for _, sign := range []string{"go.mod file not found", "outside modules listed in go.work", "no required module provides package github.com/unwind-saga/unwind"} {
		if strings.Contains(output, sign) {
			return "\nhint: in a clone of Unwind, say `go mod init example.com/<agent> && go work use .` in the agent's folder" +
				"\nhint: elsewhere, `go mod init example.com/<agent> && go work init . && go work use -r <clone>`"
		}
	}
	return ""
}
