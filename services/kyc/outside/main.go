// The program outside is what the agents of the family ask, for who runs them by
// hand: a face provider and a mail server, where the agents' files expect them, and
// people who apply.
//
//	go run ./services/kyc/outside                    # beside it: unwind dev services/kyc
//	go run ./services/kyc/outside apply Anna | unwind saga start kyc --id order-1 -f - --wait
//	curl -X PUT -d '{"mode": "down"}' http://127.0.0.1:8090/faults
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/biometrics/provider"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

func main() {
	face := flag.String("face", "127.0.0.1:8090", "`address` of the face provider")
	mail := flag.String("mail", "127.0.0.1:1025", "`address` of the mail server")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: outside [flags]      serve, until it is interrupted\n       outside apply NAME   print an application of", strings.Join(names(), ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(flag.Args(), *face, *mail); err != nil {
		fmt.Fprintln(os.Stderr, "outside:", err)
		os.Exit(1)
	}
}

func run(args []string, face, mail string) error {
	switch {
	case len(args) == 2 && args[0] == "apply":
		task, err := application(args[1])
		if err != nil {
			return err
		}
		fmt.Println(string(task))
		return nil
	case len(args) > 0:
		return fmt.Errorf("%q: want nothing, or: apply NAME", args)
	}
	return serve(face, mail)
}

// people are eight who are nobody's concern, and one who is on the list.
func people() []world.Person {
	list := []world.Person{world.Wanted(8)}
	for n := range 8 {
		list = append(list, world.Someone(n))
	}
	slices.SortFunc(list, func(a, b world.Person) int { return strings.Compare(a.Given, b.Given) })
	return list
}

func names() (list []string) {
	for _, p := range people() {
		list = append(list, p.Given)
	}
	return list
}

// application is somebody's task, each time with another passport: one serves one
// application, and to apply twice is no mistake here.
func application(name string) ([]byte, error) {
	for _, p := range people() {
		if strings.EqualFold(p.Given, name) {
			p.Passport = fmt.Sprintf("U%07d", rand.IntN(1e7)) //nolint:gosec // no secret
			return p.Task()
		}
	}
	return nil, fmt.Errorf("nobody is called %q: there are %s", name, strings.Join(names(), ", "))
}

func serve(face, mail string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := os.MkdirTemp("", "outside")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	w, err := world.Options{Face: face, Mail: mail}.Open(folder)
	if err != nil {
		return err
	}
	fmt.Printf("Face provider:  http://%s\nMail server:    %s, whose letters are shown here\n\n", face, w.Inbox.Addr())
	fmt.Printf("Tell the first to fail:  curl -X PUT -d '{\"mode\": \"down\"}' http://%s/faults\nThe modes: %v\n", face, provider.Modes)
	for seen := 0; ; {
		for _, m := range w.Inbox.Messages()[seen:] {
			fmt.Printf("\n%s  to %s: %s\n%s\n", time.Now().Format(time.TimeOnly), strings.Join(m.To, ", "), m.Subject, strings.TrimSpace(m.Text))
			seen++
		}
		select {
		case <-ctx.Done():
			return w.Close()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
