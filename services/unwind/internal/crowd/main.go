// Command crowd is a broker with a great many sagas in it: what the index, the
// list and the inbox are measured against, from other processes, as in real life.
//
//	go run ./services/unwind/internal/crowd --store /tmp/crowd --sagas 1000000 --port 4333
//
// It fills the store with that many, if there is nothing in it yet, and serves until
// it is interrupted. With --url it adds that many to a broker that runs, and ends. All histories are whole: most sagas completed, some after
// another try, some turned back, some were never begun; of each thousand one is
// still at it or waits for a person, unless --ended says that none may be.
//
// Events go through the path of a real append, guard and all; only that nobody
// waits for each one's acknowledgement.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/schollz/progressbar/v3"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
)

func main() {
	store := flag.String("store", "", "the broker's folder")
	url := flag.String("url", "", "a broker that runs, instead of one of its own")
	sagas := flag.Int("sagas", 1_000_000, "how many sagas there are to be")
	port := flag.Int("port", 4333, "of the broker, on this machine")
	ended := flag.Bool("ended", false, "every saga has ended")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if *url != "" {
		err = add(ctx, *url, *sagas, *ended)
	} else {
		err = serve(ctx, *store, *port, *sagas, *ended)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve is a broker with so many sagas.
func serve(ctx context.Context, store string, port, sagas int, ended bool) error {
	quiet := slog.New(slog.DiscardHandler)
	server, err := broker.Embed(ctx, store, broker.ServerConfig{Port: port, Logger: quiet})
	if err != nil {
		return err
	}
	defer server.Shutdown()
	log, err := broker.Connect(ctx, broker.Config{InProcess: server, Logger: quiet})
	if err != nil {
		return err
	}
	defer log.Close()
	if err := log.Ensure(ctx, typ); err != nil {
		return err
	}
	reach, err := log.Extent(ctx, typ)
	if err == nil && reach.Last == 0 {
		err = fill(ctx, log, sagas, ended)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "\nserves %s\n", server.ClientURL())
	<-ctx.Done()
	return nil
}

// add writes so many sagas more.
func add(ctx context.Context, url string, sagas int, ended bool) error {
	log, err := broker.Connect(ctx, broker.Config{URL: url})
	if err != nil {
		return err
	}
	defer log.Close()
	if err := log.Ensure(ctx, typ); err != nil {
		return err
	}
	return fill(ctx, log, sagas, ended)
}

// fill writes so many sagas, some side by side.
func fill(ctx context.Context, log *broker.Log, sagas int, ended bool) error {
	js, err := jetstream.New(log.Conn(), jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return err
	}
	bar := progressbar.NewOptions(sagas, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowIts(), progressbar.OptionThrottle(time.Second))
	seed := uint64(time.Now().UnixNano())
	c := &crowd{js: js, random: rand.New(rand.NewPCG(seed, 0)), ended: ended}
	for there := 0; there < sagas && ctx.Err() == nil; {
		n := min(64, sagas-there)
		if err := c.sagas(there, n); err != nil {
			return err
		}
		there += n
		_ = bar.Add(n)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
	}
	return ctx.Err()
}

const typ = "trip"

// A crowd writes histories.
type crowd struct {
	js     jetstream.JetStream
	random *rand.Rand
	ended  bool
}

// A said is an event to be written.
type said struct {
	at   events.Subject
	data any
}

// sagas writes so many histories, one event of each in turn.
func (c *crowd) sagas(first, n int) error {
	histories, ids := make([][]said, n), make([]string, n)
	for i := range histories {
		histories[i] = c.history(first + i)
		ids[i] = fmt.Sprintf("%08x-%07d", c.random.Uint32(), first+i)
	}
	for k, more := 0, true; more; k++ {
		more = false
		for i, h := range histories {
			if k < len(h) {
				more = true
				if err := c.publish(h[k], ids[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *crowd) publish(s said, id string) error {
	s.at.Type, s.at.ID = typ, id
	e, err := events.New(s.at, "crowd", events.Event{}, s.data)
	if err != nil {
		return err
	}
	header, body := events.Encode(e)
	m := &nats.Msg{Subject: s.at.String(), Header: nats.Header(header), Data: body}
	if guard, ok := s.at.Guard(); ok {
		m.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{guard.String()}
		m.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{"0"}
	}
	_, err = c.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute))
	return err
}
