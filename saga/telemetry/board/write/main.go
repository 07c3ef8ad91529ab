// The command write writes the dashboard and the alerts into a folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/unwind-saga/unwind/saga/telemetry/board"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write <folder>")
		os.Exit(2)
	}
	for name, make := range board.Files() {
		text, err := make()
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[1], name), text, 0o644) //nolint:gosec // for everybody to read
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "write:", err)
			os.Exit(1)
		}
	}
}
