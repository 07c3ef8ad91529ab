package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startPatience is how long a server may take until it answers.
const startPatience = time.Minute

// A Server is a PostgreSQL that this process started.
type Server struct {
	folder   string
	port     int
	settings []string
	passing  bool // its folder goes with it
	programs programs
	keeper   *exec.Cmd
	hold     *os.File // while it is open, the server runs
}

// Start starts a server on a folder, which is made and filled if need be, and
// waits until it answers. Settings are as in postgresql.conf: "fsync=on",
// "max_connections=20". A folder that holds a database is used as it is.
func Start(ctx context.Context, folder string, settings ...string) (*Server, error) {
	s := &Server{folder: folder, settings: settings}
	if err := s.start(ctx); err != nil {
		return nil, fmt.Errorf("start PostgreSQL on %s: %w", folder, err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.programs, err = find(); err != nil {
		return err
	}
	if s.folder, err = filepath.Abs(s.folder); err != nil {
		return err
	}
	if err := s.make(ctx); err != nil {
		return err
	}
	// A port that is free now may be taken in a moment.
	for range 3 {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.run(ctx); !errors.Is(err, errPort) {
			break
		}
	}
	return err
}

// make fills the folder with an empty database cluster, unless there is one.
func (s *Server) make(ctx context.Context) error {
	if _, err := os.Stat(s.database("PG_VERSION")); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.folder, 0o755); err != nil { //nolint:gosec // another user must reach it
		return err
	}
	if err := s.programs.give(s.folder); err != nil {
		return err
	}
	cmd := s.programs.command(ctx, "initdb", "--pgdata", s.database(), "--username=postgres", "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if said, err := cmd.CombinedOutput(); err != nil {
		hint := ""
		if strings.Contains(string(said), "Permission denied") || strings.Contains(string(said), "could not access") {
			hint = fmt.Sprintf("\nhint: the user %s must be able to reach the folder; one under /tmp is", s.programs.user)
		}
		return fmt.Errorf("initdb: %w: %s%s", err, strings.TrimSpace(string(said)), hint)
	}
	return nil
}

func (s *Server) database(names ...string) string {
	return filepath.Join(append([]string{s.folder, "data"}, names...)...)
}

// keep runs the server beside a shell that waits for the end of its input,
// which comes when the last file on our side is closed: by Stop, or by the
// kernel when this process is no more, even if it was killed.
const keep = `"$@" & server=$!
while read -r _; do :; done
kill -INT $server 2>/dev/null
wait $server
[ -z "$PASSING" ] || rm -rf "$PASSING"`

// errPort: somebody else took the port.
var errPort = errors.New("the port is taken")

func (s *Server) run(ctx context.Context) error {
	postgres := []string{
		"-c", keep, "keep", s.programs.path("postgres"), "-D", s.database(),
		"-c", "listen_addresses=127.0.0.1", "-c", fmt.Sprintf("port=%d", s.port), "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB",
	}
	for _, setting := range s.settings {
		postgres = append(postgres, "-c", setting)
	}
	said, err := os.Create(filepath.Join(s.folder, "server.log"))
	if err != nil {
		return err
	}
	defer said.Close()
	theirs, ours, err := os.Pipe() // no other child inherits our end
	if err != nil {
		return err
	}
	defer theirs.Close()
	cmd := exec.Command("/bin/sh", postgres...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, said, said
	cmd.Dir, cmd.Env = "/", os.Environ()
	if s.passing {
		cmd.Env = append(cmd.Env, "PASSING="+s.folder)
	}
	// A group of its own: an interrupt at the terminal is not for the server,
	// which has to outlive the clients that put their things in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.programs.credential}
	if err := cmd.Start(); err != nil {
		ours.Close()
		return err
	}
	s.keeper, s.hold = cmd, ours
	if err := s.wait(ctx); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// wait returns when the server answers, or has said that it will not.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN())
		if err == nil {
			return conn.Close(ctx)
		}
		log, _ := os.ReadFile(filepath.Join(s.folder, "server.log"))
		switch text := string(log); {
		case strings.Contains(text, "could not bind"), strings.Contains(text, "Address already in use"):
			return errPort
		case strings.Contains(text, "FATAL:") && !strings.Contains(text, "starting up"):
			return errors.New(strings.TrimSpace(text))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w (%w)", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// DSN is where the server's first database is.
func (s *Server) DSN() string { return s.dsn("postgres") }

func (s *Server) dsn(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Stop ends the server and every connection to it, and waits. The folder stays.
func (s *Server) Stop() {
	if s.hold == nil {
		return
	}
	s.hold.Close()
	s.hold = nil
	_ = s.keeper.Wait() // the shell's own end says nothing of the server's
}

// Restart stops the server and starts it again, in the same place.
func (s *Server) Restart(ctx context.Context) error {
	s.Stop()
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("restart PostgreSQL on %s: %w", s.folder, err)
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
