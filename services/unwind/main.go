// Command unwind runs, watches and mends sagas.
package main

import (
	"os"

	"github.com/unwind-saga/unwind/services/unwind/cli"
)

func main() { os.Exit(cli.Main()) }
