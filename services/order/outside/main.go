// The command outside starts everything around the agents of the order pipeline on
// this machine (see package world), writes down where it is, and runs until it is
// told to stop:
//
//	go run ./services/order/outside        # in one terminal
//	. .unwind/order/env                    # in another
//	unwind dev services/order
//
// It prints where to look: the letters in a browser, the bank's books, and how to
// have something fail.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/unwind-saga/unwind/services/order/world"
)

func main() {
	folder := flag.String("folder", ".unwind/order", "where the environment, letters and logs go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *folder); err != nil {
		fmt.Fprintln(os.Stderr, "outside:", err)
		os.Exit(1) //nolint:gocritic // the signals are the process's own
	}
}

func run(ctx context.Context, folder string) error {
	fmt.Println("Starting PostgreSQL, two mail servers and a bank ...")
	w, err := world.Open(ctx, folder, world.Config{Say: func(text string) { fmt.Println(text) }})
	if err != nil {
		return err
	}
	env := filepath.Join(folder, "env")
	if err := os.WriteFile(env, []byte(exports(w.Env())), 0o600); err != nil {
		_ = w.Close()
		return fmt.Errorf("write down where everything is: %w", err)
	}
	defer os.Remove(env) // it says what is no more
	at := w.Addresses()
	fmt.Printf(`It runs until you press Ctrl-C, and forgets everything then. In other terminals:

  . %s && unwind dev services/order
  unwind saga start order --id order-1 -f services/order/testdata/tea.json

Look:  %s   letters sent by the first mail server
       %s   and by the second
       %s   the bank's books
Fail:  curl -X PUT %s -d '{"mode":"decline","on":"confirm","count":1}'
       (none, drop, limit, expired, broken, blurred, decline, lose or hang;
        on create, confirm, cancel, retrieve or refund)
`, env, at.Letters, at.SecondLetters, at.Books, at.Faults)
	<-ctx.Done()
	fmt.Println()
	return w.Close()
}

// exports is the environment for a shell to read.
func exports(env []string) string {
	var b strings.Builder
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, value)
	}
	return b.String()
}
