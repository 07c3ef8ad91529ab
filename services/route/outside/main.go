// The program outside is what the agents of the family ask, for who runs them by
// hand: two servers that answer as Google Maps and OSRM do, over the roads of
// Liechtenstein, where the agents' files expect them.
//
//	go run ./services/route/outside                  # beside it: unwind dev services/route
//	go run ./services/route/outside order Vaduz Malbun | unwind saga start route --id 1 -f - --wait
//	curl -X PUT -d '{"mode": "expired"}' http://127.0.0.1:8095/fault
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/unwind-saga/unwind/services/route/providers"
	"github.com/unwind-saga/unwind/services/route/roads"
	"github.com/unwind-saga/unwind/services/route/world"
)

func main() {
	google := flag.Int("google", 8095, "port of what answers as Google Maps")
	osrm := flag.Int("osrm", 8096, "port of what answers as OSRM")
	within := flag.Duration("within", time.Hour, "with order: how long the drive may take")
	in := flag.Duration("in", time.Hour, "with order: when it departs, from now")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: outside [flags]                 serve, until it is interrupted\n       outside [flags] order FROM TO   print an order")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(flag.Args(), *google, *osrm, *in, *within); err != nil {
		fmt.Fprintln(os.Stderr, "outside:", err)
		os.Exit(1)
	}
}

func run(args []string, google, osrm int, in, within time.Duration) error {
	switch {
	case len(args) == 3 && args[0] == "order":
		order, err := world.Order(args[1], args[2], time.Now().Add(in), within)
		if err != nil {
			return err
		}
		fmt.Println(string(order))
		return nil
	case len(args) > 0:
		return fmt.Errorf("%q: want nothing, or: order FROM TO", args)
	}
	return serve(google, osrm)
}

func serve(google, osrm int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := os.MkdirTemp("", "outside")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	w, err := world.Open(folder, google, osrm)
	if err != nil {
		return err
	}
	g, o := w.Addresses()
	fmt.Printf("Google Maps' Directions API, key %q:  %s\nOSRM's HTTP API:                        %s\n", world.Key, g, o)
	fmt.Printf("Roads of Liechtenstein, %s.\n\nTell either to fail:  curl -X PUT -d '{\"mode\": \"expired\"}' %s/fault\nThe modes: %v\n", roads.Attribution, g, providers.Modes)
	<-ctx.Done()
	return w.Close()
}
