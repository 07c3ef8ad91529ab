package drill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A Program is the family's own, which knows the world. Others than a drill may
// ask it, too.
type Program struct {
	Command []string
	Folder  string   // where it runs
	Env     []string // beside the environment of this program
}

func (p Program) call(ctx context.Context, args ...string) *exec.Cmd {
	args = append(append([]string(nil), p.Command[1:]...), args...)
	c := exec.CommandContext(ctx, p.Command[0], args...)
	c.Dir, c.Env = p.Folder, append(os.Environ(), p.Env...)
	return c
}

// failed adds what a program said when it failed.
func failed(verb string, err error, stderr *bytes.Buffer) error {
	if text := strings.TrimSpace(stderr.String()); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return fmt.Errorf("ask the family's program for its %s: %w", verb, err)
}

// Tasks hands over n tasks, one after the other.
func (p Program) Tasks(ctx context.Context, n int, take func(i int, task []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var stderr bytes.Buffer
	c := p.call(ctx, "tasks", fmt.Sprint(n))
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return failed("tasks", err, &stderr)
	}
	lines := bufio.NewReaderSize(out, 1<<20)
	for i := range n {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			cancel()
			if ended := c.Wait(); errors.Is(err, io.EOF) && stderr.Len() == 0 {
				err = fmt.Errorf("it has %d, and %d are wanted", i, n)
			} else if ended != nil {
				err = ended
			}
			return failed("tasks", err, &stderr)
		}
		if err := take(i, bytes.TrimSpace(line)); err != nil {
			cancel()
			_ = c.Wait()
			return err
		}
	}
	return c.Wait()
}

// A World is open until it is closed. Its environment is that of the agents, too.
type World struct {
	Program
	command *exec.Cmd
	input   io.Closer
	stderr  *bytes.Buffer
}

// Open opens the world, which keeps in a folder what it has to.
func (p Program) Open(ctx context.Context, folder string) (*World, error) {
	w := &World{Program: p, stderr: new(bytes.Buffer)}
	w.command = p.call(ctx, "world", folder)
	w.command.Stderr = w.stderr
	input, err := w.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	w.input = input
	out, err := w.command.StdoutPipe()
	if err == nil {
		err = w.command.Start()
	}
	if err != nil {
		return nil, failed("world", err, w.stderr)
	}
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			_ = input.Close()
			return nil, failed("world", errors.Join(w.command.Wait(), errors.New("it ended before its empty line")), w.stderr)
		}
		if lines.Text() == "" {
			return w, nil
		}
		w.Env = append(w.Env, lines.Text())
	}
}

// Close closes the world.
func (w *World) Close() error {
	_ = w.input.Close()
	if err := w.command.Wait(); err != nil {
		return failed("world", err, w.stderr)
	}
	return nil
}

// An Effect is something of a saga that is there, as the world says.
type Effect struct {
	Saga  string `json:"saga"`
	Where string `json:"where"`
	Count int    `json:"count"`
}

// Effects asks the world what is there.
func (w *World) Effects(ctx context.Context) ([]Effect, error) {
	var stderr bytes.Buffer
	c := w.call(ctx, "effects")
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, failed("effects", err, &stderr)
	}
	var list []Effect
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var e Effect
		err := d.Decode(&e)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, failed("effects", err, &stderr)
		}
		list = append(list, e)
	}
}
