// The program behind `unwind drill kyc` (see package drill of services/unwind):
// who applies, what is around the agents, and what is there when they are done.
//
//	drill tasks <n>        print n applications, one on each line
//	drill world <folder>   open the face provider and the mail server; say where they are
//	drill effects          ask what is there, in every store, at the provider, in the inbox
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/world"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "drill:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	out := bufio.NewWriter(os.Stdout)
	return errors.Join(obey(out, args), out.Flush())
}

func obey(out *bufio.Writer, args []string) error {
	verb, of := "", ""
	if len(args) > 0 {
		verb, of = args[0], strings.Join(args[1:], " ")
	}
	switch verb {
	case "tasks":
		n, err := strconv.Atoi(of)
		if err != nil {
			return fmt.Errorf("tasks: %w", err)
		}
		return tasks(out, n)
	case "world":
		return open(out, of)
	case "effects":
		return ask(out)
	default:
		return errors.New("want tasks <n>, world <folder> or effects")
	}
}

// tasks prints the applications of people who all may pass.
func tasks(out *bufio.Writer, n int) error {
	for i := range n {
		task, err := world.Someone(i).Task()
		if err != nil {
			return err
		}
		if _, err := out.Write(append(task, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// effectsAt is where whoever asks for effects finds the world.
const effectsAt = "KYC_EFFECTS"

// open opens a world, and keeps it open until its input ends. A comparison takes
// no longer than it must: faults are injected, not met.
func open(out *bufio.Writer, folder string) error {
	w, err := world.Options{Takes: time.Millisecond}.Open(folder)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, w.Close())
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		found, err := effects(r.Context(), w)
		if err != nil {
			http.Error(to, err.Error(), http.StatusInternalServerError)
			return
		}
		lines := json.NewEncoder(to)
		for _, e := range found {
			_ = lines.Encode(e)
		}
	})}
	go func() { _ = server.Serve(l) }()
	for _, line := range append(w.Env(), effectsAt+"=http://"+l.Addr().String()) {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out) // that is all
	if err := out.Flush(); err != nil {
		return errors.Join(err, server.Close(), w.Close())
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Close(), w.Close())
}

// An effect is as the drill wants it.
type effect struct {
	Saga  string `json:"saga"`
	Where string `json:"where"`
	Count int    `json:"count"`
}

// effects counts what is there. A letter that was sent again under the same
// Message-ID is one letter, and one that was corrected is as undone as a letter
// can be.
func effects(ctx context.Context, w *world.World) ([]effect, error) {
	found, err := w.Effects(ctx, "")
	if err != nil {
		return nil, err
	}
	count, seen := map[effect]int{}, map[string]bool{}
	for _, e := range found {
		if e.Where != world.Inbox {
			count[effect{Saga: e.Saga, Where: e.Where}]++
		}
	}
	for _, m := range w.Inbox.Messages() {
		if seen[m.MessageID] {
			continue
		}
		seen[m.MessageID] = true
		e := effect{Saga: world.Reference(m), Where: world.Inbox}
		if strings.HasPrefix(m.Subject, "Correction") {
			count[e]--
		} else {
			count[e]++
		}
	}
	var list []effect
	for e, n := range count {
		if e.Count = max(n, 0); n > 0 {
			list = append(list, e)
		}
	}
	return list, nil
}

// ask asks the world that is open.
func ask(out *bufio.Writer) error {
	at := os.Getenv(effectsAt)
	if at == "" {
		return errors.New(effectsAt + " is not set: no world is open")
	}
	res, err := http.Get(at) //nolint:noctx,gosec // on loopback, once
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return fmt.Errorf("ask for effects: %s: %s", res.Status, strings.TrimSpace(string(text)))
	}
	_, err = io.Copy(out, res.Body)
	return err
}
