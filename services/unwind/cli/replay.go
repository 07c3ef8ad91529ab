package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/casefile"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/replay"
)

// A stop is where a tape is to stop. At most one of its fields is set.
type stop struct {
	until    uint64 // a sequence
	at       string // a time
	step     int    // a point; -1: not given
	diff     string // two points
	keys     bool
	file     string
	explicit bool // a point was asked for
}

func (t *tool) replayCommand() *cobra.Command {
	var s stop
	var f shadowFlags
	c := &cobra.Command{
		Use:   "replay <type> <id>...",
		Short: "Step through a saga's history, or try another build of an agent on it",
		Long: `Step through a saga's history, forward and back in time: how it stood at each
point, what it waited for then, and what the rules asked whom to do, with what
came of that.

Points are numbered from 0, before the first event. Without a point, a line for
each is printed; with -i, keys step through them. Nothing is published, and what
came too late to count is shown as that. Of who was running at the time nothing is
known.

-o json and jsonl have an object for each point, with the keys type, id, step,
of, seq, time, event, late, status, says, steps, waiting_for and moves; or, with
--diff, for each change, with the keys path, from and to.` + shadowHelp,
		Example: `  unwind replay kyc order-1
  unwind replay kyc order-1 -i
  unwind replay kyc order-1 --step 7
  unwind replay kyc order-1 --at -5m
  unwind replay kyc order-1 --at 2026-01-02T03:04:05Z
  unwind replay kyc order-1 --diff 3..7
  unwind replay --file case.json --until 1234
  unwind replay kyc order-1 -o jsonl | jq -c 'select(.status == "unwinding")'
  unwind replay kyc order-1 --agent face-matching --against "exec:python3 agent.py"
  unwind saga list kyc --since 24h --limit 0 -o jsonl | \
    unwind replay kyc - --config agent.yaml --against http://127.0.0.1:8080/perform --ignore /took_ms`,
		Args: func(c *cobra.Command, args []string) error {
			if f.against != "" && s.file == "" {
				return takesMany(c, args)
			}
			if s.file != "" {
				if len(args) > 0 {
					return misused(c, fmt.Errorf("%s takes a saga or --file, not both", c.CommandPath()))
				}
				return nil
			}
			return takes(2, "type", "id")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			for _, flags := range [][]string{
				{"until", "at", "step", "diff"}, {"interactive", "diff"}, {"interactive", "output"},
				{"against", "until"}, {"against", "at"}, {"against", "step"}, {"against", "diff"}, {"against", "interactive"},
			} {
				if err := oneOf(c, flags...); err != nil {
					return t.misuse(c, err)
				}
			}
			if err := f.given(c); err != nil {
				return t.misuse(c, err)
			}
			if f.against != "" {
				return t.shadow(c, args, s.file, f)
			}
			s.explicit = c.Flags().Changed("until") || c.Flags().Changed("at") || c.Flags().Changed("step")
			return t.replay(c, args, s)
		},
	}
	c.Flags().StringVar(&s.file, "file", "", "a file that saga export wrote, instead of a saga of the broker")
	c.Flags().Uint64Var(&s.until, "until", 0, "the last point up to this sequence of the stream")
	c.Flags().StringVar(&s.at, "at", "", "the last point up to this time: as ISO 8601, or seen from now, -5m")
	c.Flags().IntVar(&s.step, "step", -1, "this point; -1 is the last, -2 the one before")
	c.Flags().StringVar(&s.diff, "diff", "", "what changed between two points: 3..7, 3.. to the last, ..7 from the first")
	c.Flags().BoolVarP(&s.keys, "interactive", "i", false, "step with keys; ? lists them")
	f.flags(c)
	t.outputFlag(c)
	t.timeFlag(c)
	return c
}

// oneOf refuses flags of which one says what another does.
func oneOf(c *cobra.Command, flags ...string) error {
	var given []string
	for _, name := range flags {
		if c.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) < 2 {
		return nil
	}
	return fmt.Errorf("%s: only one of them can be", strings.Join(given, " and "))
}

func (t *tool) replay(c *cobra.Command, args []string, s stop) error {
	now := time.Now()
	at, err := moment(s.at, now)
	if err != nil {
		return t.misuse(c, err)
	}
	history, broken := t.history(c.Context(), args, s.file)
	if len(history) == 0 {
		return broken
	}
	tape := replay.New(history)
	o := replay.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out), Time: t.times}
	if s.diff != "" {
		from, to, err := span(s.diff, tape.Len())
		if err != nil {
			return t.misuse(c, err)
		}
		return t.replayDiff(tape, from, to, o)
	}
	point, err := s.point(tape, at)
	switch {
	case err != nil:
		return t.misuse(c, err)
	case s.keys:
		return t.replayKeys(c.Context(), tape, point)
	case s.explicit && t.json():
		return printAll(t, replay.Reports(tape, tape.At(point)))
	case s.explicit:
		return replay.Print(t.out, tape, tape.At(point), o)
	case t.json():
		return t.replayAll(tape)
	}
	// A history that makes no sense is shown all the same, and then why.
	return errors.Join(replay.List(t.out, tape, o), broken)
}

// history reads a saga from the broker, or from a file.
func (t *tool) history(ctx context.Context, args []string, file string) ([]events.Event, error) {
	if file != "" {
		c, err := casefile.Load(file)
		if err != nil {
			return nil, &exit{exitError, err}
		}
		return c.History()
	}
	ctx, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	_, history, err := client.Load(ctx, log, args[0], args[1], 0)
	return history, err
}

func (t *tool) replayAll(tape *replay.Tape) error {
	var points []replay.Point
	for n := 0; n <= tape.Len(); n++ {
		points = append(points, tape.At(n))
	}
	return printAll(t, replay.Reports(tape, points...))
}

func (t *tool) replayDiff(tape *replay.Tape, from, to int, o replay.Options) error {
	if t.json() {
		return printAll(t, tape.Diff(from, to))
	}
	return replay.PrintDiff(t.out, tape, from, to, o)
}

// point finds the one that is asked for, and else the last.
func (s stop) point(tape *replay.Tape, at time.Time) (int, error) {
	switch {
	case !s.explicit:
		return tape.Len(), nil
	case s.at != "":
		return tape.Time(at), nil
	case s.until > 0:
		return tape.Seq(s.until), nil
	}
	n := s.step
	if n < 0 {
		n += tape.Len() + 1
	}
	if n < 0 || n > tape.Len() {
		return 0, fmt.Errorf("step %d: the saga has points from 0 to %d", s.step, tape.Len())
	}
	return n, nil
}

// moment reads a time: as ISO 8601, or seen from now.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d > 0 {
			return time.Time{}, fmt.Errorf("at %q: that is to come\nhint: -%s is that long ago", text, text)
		}
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("at %q: want a time such as 2026-01-02T03:04:05Z, or how long ago, such as -5m", text)
	}
	return at, nil
}

// span reads two points: "3..7".
func span(text string, last int) (from, to int, err error) {
	first, second, ok := strings.Cut(text, "..")
	read := func(text string, or int) int {
		if text == "" {
			return or
		}
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 0 || n > last {
			ok = false
		}
		return n
	}
	if from, to = read(first, 0), read(second, last); !ok {
		return 0, 0, fmt.Errorf("diff %q: want two points from 0 to %d, such as 0..%d", text, last, last)
	}
	return from, to, nil
}

// replayKeys draws on the terminal itself, wherever the streams lead.
func (t *tool) replayKeys(ctx context.Context, tape *replay.Tape, point int) error {
	in, out, err := replay.Terminal()
	if err != nil {
		return &exit{exitError, fmt.Errorf("%w\nhint: without -i, a line for each point is printed", err)}
	}
	defer out.Close()
	defer in.Close()
	return replay.Watch(ctx, in, out, tape, point, replay.Options{Ink: t.ink(out), Columns: ink.Columns(out), Time: t.times})
}
