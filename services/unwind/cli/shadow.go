package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/casefile"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/replay"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/shadow"
	"github.com/unwind-saga/unwind/services/unwind/sidecar"
)

// shadowFlags say to which candidate an agent's calls are given.
type shadowFlags struct {
	against, undo string
	agent, config string
	ignore, env   []string
	network       bool
	atOnce        int
}

const shadowHelp = `

With --against, the calls that one agent got in the sagas are given to a candidate,
another build of it, and what comes of them is compared with what came of them then:
"1,204 same, 3 differ, 1 fails". Nothing is published. Results are compared key by
key, failures by their class and code, undo tokens not at all. The agent is --agent,
or that of an agent.yaml (--config), whose timeout, condition and schemas count then.
The sagas are named; or with -, on standard input, as "saga list -o jsonl" writes
them; or in a --file of many. -o json and jsonl have for each call the keys type, id,
step, call, seq, verdict, was, now, changes and ms. The exit code is 1 when anything
came out otherwise.

The candidate runs in a sandbox: a program (exec:) gets no broker's address, a clean
environment (--env adds to it) with UNWIND_SHADOW=true, and an empty home. On Linux it
gets a network of its own, in which it reaches nobody, unless it may have this
machine's (--network); where that is not possible, --network must be given. It may
still write files. A candidate behind an URL gets the header Unwind-Shadow: true, and
WHAT IT DOES IS PREVENTED BY NOTHING: start it with what it may touch.`

func (f *shadowFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.against, "against", "", `a candidate: an URL, or exec: and a command`)
	c.Flags().StringVar(&f.undo, "against-undo", "", "and one for what was undone; without it, undoing is left out")
	c.Flags().StringVar(&f.agent, "agent", "", "with --against: whose calls they are")
	c.Flags().StringVar(&f.config, "config", "", "with --against: an agent.yaml, instead of --agent")
	c.Flags().StringArrayVar(&f.ignore, "ignore", nil, "with --against: a place of results that may differ, such as /at or /faces/*/id; may be given again")
	c.Flags().StringArrayVar(&f.env, "env", nil, "with --against: a variable that the program gets; may be given again")
	c.Flags().BoolVar(&f.network, "network", false, "with --against: the program may use the network")
	c.Flags().IntVar(&f.atOnce, "at-once", runtime.GOMAXPROCS(0), "with --against: how many sagas at a time")
}

// given are the flags that mean something only with --against.
func (f *shadowFlags) given(c *cobra.Command) error {
	for _, name := range []string{"against-undo", "agent", "config", "ignore", "env", "network", "at-once"} {
		if c.Flags().Changed(name) && f.against == "" {
			return fmt.Errorf("--%s is for a candidate: --against is missing", name)
		}
	}
	switch {
	case f.against == "":
		return nil
	case f.agent == "" && f.config == "":
		return errors.New("--agent is missing (or --config): whose calls are given to the candidate?")
	case f.atOnce < 1:
		return fmt.Errorf("--at-once %d: want one or more", f.atOnce)
	}
	return nil
}

// differed is for a candidate that came out otherwise; what did was printed.
var differed = &exit{code: exitError}

func (t *tool) shadow(c *cobra.Command, args []string, file string, f shadowFlags) error {
	ignore, err := replay.ParseIgnoring(f.ignore)
	if err != nil {
		return t.misuse(c, err)
	}
	ctx, cancel := t.limitWait(c.Context())
	defer cancel()
	sagas, total, done, err := t.recorded(ctx, args, file)
	if err != nil {
		return err
	}
	defer done()
	first, sagas, stop, err := peek(sagas)
	defer stop()
	if err != nil {
		return err
	}
	cfg, err := f.agentOf(first)
	if err != nil {
		return err
	}
	h, remove, err := t.candidate(f, &cfg)
	if err != nil {
		return err
	}
	defer remove()
	progress := t.bar(total, "replay "+cfg.Agent)
	calls := []callReport{}
	var failed error
	sum, err := shadow.Run(ctx, shadow.Config{
		Agent: cfg, Candidate: h, Undo: f.undo != "", Ignore: ignore, AtOnce: f.atOnce,
	}, counted(sagas, progress), func(tr shadow.Trial) {
		switch {
		case t.format == asLines:
			failed = errors.Join(failed, t.print(callReportOf(tr)))
		case t.format == asJSON:
			calls = append(calls, callReportOf(tr))
		case tr.Verdict != replay.Same && tr.Verdict != replay.Uncompared:
			t.printTrial(tr)
		}
	})
	progress.end()
	switch {
	case err != nil || failed != nil:
		return errors.Join(err, failed)
	case t.format == asJSON:
		err = t.print(map[string]any{"summary": sum, "calls": calls})
	case t.format == asLines:
		t.say("%s", sum)
	default:
		_, err = fmt.Fprintln(t.out, sum)
	}
	switch {
	case err != nil:
		return err
	case sum.Sagas == 0:
		return fmt.Errorf("agent %q was called in none of %d sagas\nhint: is it the agent's name, and not its step's?", cfg.Agent, sum.Others+sum.Unreadable)
	case !sum.Clean():
		return differed
	}
	return nil
}

// agentOf is the configuration of the agent whose calls they are.
func (f shadowFlags) agentOf(first shadow.Saga) (config.Config, error) {
	if f.config == "" {
		step := f.agent
		if s, err := stepOf(first, f.agent); err == nil {
			step = s
		}
		return config.Config{Saga: first.Type, Agent: f.agent, Step: step}, nil
	}
	cfg, err := config.Load(f.config)
	switch {
	case err != nil:
		return cfg, &exit{exitError, err}
	case first.Type != "" && cfg.Saga != first.Type:
		return cfg, fmt.Errorf("agent %q is of saga type %q, and the sagas are of type %q", cfg.Agent, cfg.Saga, first.Type)
	}
	return cfg, nil
}

// candidate makes a handler of the candidate, and puts it into its sandbox.
func (t *tool) candidate(f shadowFlags, cfg *config.Config) (h agent.Handler, remove func(), err error) {
	home, leave, err := shadow.Home()
	if err != nil {
		return h, nil, err
	}
	defer func() {
		if err != nil {
			leave()
		}
	}()
	env, err := shadow.Environment(home, os.LookupEnv, f.env)
	if err != nil {
		return h, nil, &exit{exitUsage, err}
	}
	boxed := func(text string) (p sidecar.Program, err error) {
		if p.Outside, err = sidecar.Parse(text); err != nil {
			return p, &exit{exitUsage, err}
		}
		p.Folder, p.Env = ".", env
		p.Logger = slog.New(slog.NewTextHandler(t.err, nil))
		p.Header = map[string]string{shadow.ShadowHeader: "true"}
		if p.HTTP == "" && !f.network {
			if err := shadow.CanBeAlone(); err != nil {
				return p, fmt.Errorf("%w\nhint: --network lets the candidate use this machine's, and whatever it does there is done", err)
			}
			p.Wrap = func(c *exec.Cmd) { shadow.Alone(c) }
		}
		return p, nil
	}
	program, err := boxed(f.against)
	if err != nil {
		return h, nil, err
	}
	if program.HTTP != "" {
		t.say("the candidate is behind %s: it is told that this is a shadow, and nothing keeps it from having effects", program.HTTP)
	}
	h.Perform = program.Perform()
	cfg.CompensationHandler, cfg.Handler, cfg.Compensation = config.NoCompensation, nil, nil
	if f.undo != "" {
		undoing, err := boxed(f.undo)
		if err != nil {
			return h, nil, err
		}
		cfg.CompensationHandler = "candidate"
		h.Compensations = agent.Compensations{"candidate": undoing.Compensate()}
	}
	return h, leave, nil
}

// recorded are the sagas of a file, or of the broker. The number is -1 where nobody knows it.
func (t *tool) recorded(ctx context.Context, args []string, file string) (all iter.Seq2[shadow.Saga, error], n int, done func(), err error) {
	if file != "" {
		r := io.NopCloser(t.in)
		if file != "-" {
			if r, err = os.Open(file); err != nil {
				return nil, 0, nil, &exit{exitError, fmt.Errorf("read the sagas: %w", err)}
			}
		}
		return casesOf(r), -1, func() { _ = r.Close() }, nil
	}
	soon, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(soon)
	if err != nil {
		return nil, 0, nil, err
	}
	n = len(args) - 1
	if args[1] == "-" {
		n = -1
	}
	return func(yield func(shadow.Saga, error) bool) {
		err := t.ids(args[1:], func(id string) error {
			// One that makes no sense is counted, and not tried.
			_, history, err := client.Load(ctx, log, args[0], id, 0)
			if len(history) == 0 {
				return err
			}
			if !yield(shadow.Saga{Type: args[0], ID: id, History: history, Shelf: log}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(shadow.Saga{}, err)
		}
	}, n, log.Close, nil
}

// errEnough ends a reading that nobody wants to go on with.
var errEnough = errors.New("enough")

func casesOf(r io.Reader) iter.Seq2[shadow.Saga, error] {
	return func(yield func(shadow.Saga, error) bool) {
		err := casefile.Each(r, func(c *casefile.Case) error {
			history, err := c.History()
			if err != nil {
				return err
			}
			if !yield(shadow.Saga{Type: c.Type, ID: c.ID, History: history, Shelf: c}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(shadow.Saga{}, err)
		}
	}
}

// peek looks at the first of the sagas, and leaves it in its place.
func peek(all iter.Seq2[shadow.Saga, error]) (first shadow.Saga, rest iter.Seq2[shadow.Saga, error], stop func(), failed error) {
	next, stop := iter.Pull2(all)
	first, failed, ok := next()
	if !ok {
		failed = errors.New("there are no sagas")
	}
	rest = func(yield func(shadow.Saga, error) bool) {
		for s, err := first, failed; ok; s, err, ok = next() {
			if !yield(s, err) {
				return
			}
		}
	}
	return first, rest, stop, failed
}

// counted moves a bar with each of the sagas.
func counted(all iter.Seq2[shadow.Saga, error], b bar) iter.Seq2[shadow.Saga, error] {
	return func(yield func(shadow.Saga, error) bool) {
		for s, err := range all {
			if !yield(s, err) {
				return
			}
			b.add()
		}
	}
}

// stepOf is the step at which an agent was called in a saga.
func stepOf(s shadow.Saga, name string) (string, error) {
	calls, err := replay.Calls(context.Background(), s.History, name, s.Shelf)
	if err != nil {
		return "", err
	}
	return calls[0].Step(), nil
}

// A callReport is what programs are told of a call. Its keys are fixed.
type callReport struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Step    string          `json:"step"`
	Call    string          `json:"call"` // attempt-1, undo-1
	Seq     uint64          `json:"seq"`
	Verdict replay.Verdict  `json:"verdict"`
	Was     string          `json:"was"`
	Now     string          `json:"now"`
	Changes []replay.Change `json:"changes"`
	Took    int64           `json:"ms"`
}

func callReportOf(t shadow.Trial) callReport {
	r := callReport{
		Type: t.Type, ID: t.ID, Step: t.Call.Step(), Call: t.Call.Name, Seq: t.Call.Seq, Verdict: t.Verdict,
		Was: t.Call.Was.String(), Now: t.Now.String(), Changes: t.Changes, Took: t.Took.Milliseconds(),
	}
	if r.Changes == nil {
		r.Changes = []replay.Change{}
	}
	return r
}

// printTrial shows a person a call that came out otherwise.
func (t *tool) printTrial(tr shadow.Trial) {
	in := t.ink(t.out)
	tone := ink.Warn
	if tr.Verdict == replay.Fails {
		tone = ink.Bad
	}
	if tr.Verdict == replay.Mended {
		tone = ink.Good
	}
	fmt.Fprintf(t.out, "%s  %s/%s  %s %s\n", in.Paint(tone, string(tr.Verdict)), tr.Type, tr.ID, tr.Call.Step(), tr.Call.Name)
	if len(tr.Changes) > 0 {
		for _, c := range tr.Changes {
			fmt.Fprintf(t.out, "    %s\n", c)
		}
		return
	}
	fmt.Fprintf(t.out, "    was %s\n    now %s\n", flat(tr.Call.Was.String()), flat(tr.Now.String()))
}

// flat is a text on one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
