//go:build !linux

package shadow

import (
	"errors"
	"os/exec"
)

// Alone would start a command in a network of its own; see [CanBeAlone].
func Alone(*exec.Cmd) {}

// CanBeAlone says why a command can't be started so; nil if it can.
func CanBeAlone() error { return errors.New("a network of its own: that is Linux's alone") }
