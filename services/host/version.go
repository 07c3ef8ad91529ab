package host

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// A Build is what the linker knows of this program.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (b Build) String() string {
	return fmt.Sprintf("%s (revision %s, %s, %s)", b.Version, b.Revision, b.Go, b.Platform)
}

// Short is a version to be listed: a build of no release says of which revision.
func (b Build) Short() string {
	if b.Version == "devel" && b.Revision != "unknown" {
		return b.Version + "-" + b.Revision
	}
	return b.Version
}

// Version reads it.
func Version() Build {
	b := Build{Version: "devel", Revision: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "(devel)" {
		b.Version = cmp.Or(info.Main.Version, b.Version)
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	b.Revision += dirty
	return b
}
