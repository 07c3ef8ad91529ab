package cli

import (
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A bar shows how far something long is, on standard error and only to a person.
type bar struct{ *progressbar.ProgressBar }

// bar begins one; -1 is a number that nobody knows.
func (t *tool) bar(n int, what string) bar {
	f, ok := t.err.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || n == 1 {
		return bar{}
	}
	return bar{progressbar.NewOptions(n,
		progressbar.OptionSetWriter(t.err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(100_000_000), progressbar.OptionClearOnFinish())}
}

func (b bar) add() {
	if b.ProgressBar != nil {
		_ = b.Add(1)
	}
}

func (b bar) end() {
	if b.ProgressBar != nil {
		_ = b.Finish()
	}
}
