package shadow

import (
	"fmt"
	"os"
	"strings"
)

// ShadowVariable is set in the environment of a program that is started as a
// candidate, and ShadowHeader in calls over HTTP.
const (
	ShadowVariable = "UNWIND_SHADOW"
	ShadowHeader   = "Unwind-Shadow"
)

// kept are the variables that a candidate gets as they are.
var kept = []string{"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SystemRoot"}

// Environment is what a program that is started as a candidate gets: what it needs to
// start, a home that is empty, and the variables that are named. Nobody may hand it
// the broker's.
func Environment(home string, lookup func(string) (string, bool), named []string) ([]string, error) {
	env := []string{ShadowVariable + "=true", "HOME=" + home}
	for _, name := range append(append([]string{}, kept...), named...) {
		if broker(name) {
			return nil, fmt.Errorf("the variable %s: a candidate gets nothing with which it could publish", name)
		}
		if v, ok := lookup(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for _, name := range named {
		if _, ok := lookup(name); !ok {
			return nil, fmt.Errorf("the variable %s is not set", name)
		}
	}
	return env, nil
}

// broker reports whether a variable leads to the broker, or asks for a drill.
func broker(name string) bool {
	name = strings.ToUpper(name)
	return strings.HasPrefix(name, "NATS_") || strings.HasPrefix(name, "UNWIND_")
}

// Home makes an empty home for candidates.
func Home() (path string, remove func(), err error) {
	path, err = os.MkdirTemp("", "unwind-shadow-")
	return path, func() { _ = os.RemoveAll(path) }, err
}
