//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/cli"
	"github.com/unwind-saga/unwind/services/unwind/internal/testagent"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"unwind": func() { os.Exit(cli.Main()) },
		"agent":  testagent.Main,
	})
}

var update = os.Getenv("UPDATE") != ""

// Each script has a broker of its own, which $NATS_URL names, and a free port
// in $PORT; $MONITOR is where the broker tells of itself. Beside testscript's own commands it may use:
//
//	cast <folder>              run the agents below a folder, inside the test
//	exits <code> <command>...  the command ends with this code
//	eventually <command>...    until the command succeeds
//	publish <subject> <body>   write to the broker as a stranger
//	stream <name> <subject>    make a stream that was set up by a stranger
//	consumer <stream> <name> <subject>  make a durable consumer to which nobody listens
//	fill <file> <bytes>        a JSON string of so many bytes
//	post <status> <file> <body>  post a body to the URL in a file, and get this status
//	http <status> <method> <path> [<body>]  ask `unwind serve` at $HTTP_PORT with $UNWIND_SERVE_TOKEN and
//	                           $KEY, if it is set; what it answers is in answer.txt
//	race <command> | <command> both at the same moment; won.txt and lost.txt have what they said
//	gone <file>                the processes whose ids are in a file are gone
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setup,
		UpdateScripts:       update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cast": cast, "exits": exits, "eventually": eventually, "publish": publish, "stream": stream, "consumer": consumer, "fill": fill, "gone": gone,
			"post": post, "http": ask, "race": race,
		},
	})
}

type logKey struct{}

func setup(env *testscript.Env) error {
	quiet := slog.New(slog.DiscardHandler)
	monitor, err := freePort()
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(monitor)
	if err != nil {
		return err
	}
	s, err := broker.Embed(context.Background(), filepath.Join(env.WorkDir, ".broker"), broker.ServerConfig{
		Logger: quiet, Tune: func(o *server.Options) { o.HTTPHost, o.HTTPPort = "127.0.0.1", port },
	})
	if err != nil {
		return err
	}
	env.Setenv("MONITOR", "http://127.0.0.1:"+monitor)
	env.Defer(s.Shutdown)
	log, err := broker.Connect(context.Background(), broker.Config{InProcess: s, Logger: quiet})
	if err != nil {
		return err
	}
	env.Defer(log.Close)
	env.Values[logKey{}] = log
	first, err := freePort()
	if err != nil {
		return err
	}
	env.Setenv("NATS_URL", s.ClientURL())
	env.Setenv("PORT", first)
	second, err := freePort()
	if err != nil {
		return err
	}
	env.Setenv("HTTP_PORT", second)
	env.Setenv("USER", "ada")
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command waits a second when it is done
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
	return nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func cast(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*", "agent.yaml"))
	if err != nil || len(files) == 0 {
		ts.Fatalf("no agents below %s: %v", args[0], err)
	}
	log := ts.Value(logKey{}).(*broker.Log)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, file := range files {
		running.Go(func() {
			// What goes wrong here shows in the script.
			_ = testagent.Run(ctx, log, file, slog.New(slog.DiscardHandler))
		})
	}
	ts.Defer(func() { cancel(); running.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if types, err := log.Types(ctx); err == nil && len(types) > 0 {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the agents did not begin")
		}
	}
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func eventually(ts *testscript.TestScript, _ bool, args []string) {
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
	}
	ts.Fatalf("it never succeeded: %v", err)
}

func publish(ts *testscript.TestScript, _ bool, args []string) {
	log := ts.Value(logKey{}).(*broker.Log)
	s, err := events.Parse(args[0])
	ts.Check(err)
	ts.Check(log.Ensure(context.Background(), s.Type))
	_, err = log.Conn().Request(args[0], []byte(args[1]), 5*time.Second)
	ts.Check(err)
}

func stream(ts *testscript.TestScript, _ bool, args []string) {
	js, err := jetstream.New(ts.Value(logKey{}).(*broker.Log).Conn())
	ts.Check(err)
	_, err = js.CreateStream(context.Background(), jetstream.StreamConfig{Name: args[0], Subjects: args[1:]})
	ts.Check(err)
}

func consumer(ts *testscript.TestScript, _ bool, args []string) {
	js, err := jetstream.New(ts.Value(logKey{}).(*broker.Log).Conn())
	ts.Check(err)
	_, err = js.CreateConsumer(context.Background(), args[0], jetstream.ConsumerConfig{
		Durable: args[1], FilterSubject: args[2], AckPolicy: jetstream.AckExplicitPolicy,
	})
	ts.Check(err)
}

func fill(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, n-2)...), '"')
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

func gone(ts *testscript.TestScript, _ bool, args []string) {
	for _, text := range strings.Fields(ts.ReadFile(args[0])) {
		pid, err := strconv.Atoi(text)
		ts.Check(err)
		for deadline := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				ts.Fatalf("process %d is still there", pid)
			}
		}
	}
}

func post(ts *testscript.TestScript, _ bool, args []string) {
	res, err := http.Post(strings.TrimSpace(ts.ReadFile(args[1])), "application/json", strings.NewReader(args[2]))
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Logf("%s %s", res.Status, text)
	if want := args[0]; !strings.HasPrefix(res.Status, want+" ") {
		ts.Fatalf("answered %s, want %s", res.Status, want)
	}
}

// ask waits until there is a server.
func ask(ts *testscript.TestScript, _ bool, args []string) {
	r, err := http.NewRequest(args[1], "http://127.0.0.1:"+ts.Getenv("HTTP_PORT")+args[2], strings.NewReader(strings.Join(args[3:], "")))
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+ts.Getenv("UNWIND_SERVE_TOKEN"))
	if key := ts.Getenv("KEY"); key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	var res *http.Response
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err = http.DefaultClient.Do(r); err == nil || time.Now().After(deadline) {
			break
		}
	}
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Logf("%s %s", res.Status, text)
	ts.Check(os.WriteFile(ts.MkAbs("answer.txt"), text, 0o644))
	if want := args[0]; !strings.HasPrefix(res.Status, want+" ") {
		ts.Fatalf("answered %s, want %s", res.Status, want)
	}
}

// race runs two commands at the same moment, and leaves in won.txt and lost.txt
// what they said.
func race(ts *testscript.TestScript, _ bool, args []string) {
	bar := slices.Index(args, "|")
	outputs, errs := make([][]byte, 2), make([]error, 2)
	var both sync.WaitGroup
	for i, command := range [][]string{args[:bar], args[bar+1:]} {
		both.Go(func() {
			c := exec.Command(command[0], command[1:]...)
			c.Dir = ts.Getenv("WORK")
			c.Env = []string{"PATH=" + ts.Getenv("PATH"), "NATS_URL=" + ts.Getenv("NATS_URL"), "HOME=" + ts.Getenv("HOME")}
			outputs[i], errs[i] = c.CombinedOutput()
		})
	}
	both.Wait()
	won := 0
	if errs[0] != nil {
		won = 1
	}
	ts.Logf("won: %s\nlost: %s", outputs[won], outputs[1-won])
	if errs[won] != nil || errs[1-won] == nil {
		ts.Fatalf("%v and %v, want one of them to be first", errs[0], errs[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs("won.txt"), outputs[won], 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("lost.txt"), outputs[1-won], 0o644))
}

// alive reports whether a process is there and is no zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || !bytes.Contains(stat, []byte(") Z "))
}
