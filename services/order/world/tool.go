package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// The programs that are built by the go command. They are in no go.mod: they have
// some hundred requirements of their own, and nobody imports them.
const (
	mailpit    = "github.com/axllent/mailpit@v1.27.11"
	stripeMock = "github.com/stripe/stripe-mock@v0.203.0"
)

// build builds a program, unless it was built before, and says where it is.
func build(ctx context.Context, tool string, say func(string)) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", tool, err)
	}
	place, version, _ := strings.Cut(tool, "@")
	folder := filepath.Join(cache, "unwind", "tools")
	program := filepath.Join(folder, path.Base(place)+"-"+version)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", fmt.Errorf("build %s: %w", tool, err)
	}
	// Built aside and moved: whoever else builds it at this moment must not
	// start half of it.
	aside, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", tool, err)
	}
	defer os.RemoveAll(aside)
	say(fmt.Sprintf("building %s, once ...", tool))
	cmd := exec.CommandContext(ctx, "go", "install", tool)
	cmd.Dir = aside
	cmd.Env = append(os.Environ(), "GOBIN="+aside, "GOWORK=off", "GOFLAGS=")
	output, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("build %s: %w\nhint: install Go", tool, err)
	case err != nil:
		return "", fmt.Errorf("build %s: %w\n%s\nhint: it is fetched by the go command; look at `go env GOPROXY`", tool, err, strings.TrimSpace(string(output)))
	}
	if err := os.Rename(filepath.Join(aside, path.Base(place)), program); err != nil {
		return "", fmt.Errorf("build %s: %w", tool, err)
	}
	return program, nil
}
