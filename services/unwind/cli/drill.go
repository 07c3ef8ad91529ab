package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/unwind/drill"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

type drillFlags struct {
	layers string
	seed   uint64
	config drill.Config
}

func (t *tool) drillCommand() *cobra.Command {
	var f drillFlags
	c := &cobra.Command{
		Use:   "drill <type> [<folder>...]",
		Short: "Show what each layer of recovery is worth, under faults",
		Long: `Run the agents of a saga type as real processes through the same tasks and the
same injected faults, once for each layer of recovery, and count what became of
the sagas: whether they completed, and whether anything of the others was left
behind, looked up where the effects are.

A family describes its drill in a drill.yaml below the folders (default: this
one). The exit code is 1 if a saga never ended, or if with all layers something
was left behind, done twice or missing.`,
		Example: `  unwind drill kyc
  unwind drill kyc services/kyc --runs 10000 --layers all
  unwind drill kyc --seed 7 -o json`,
		Args: func(c *cobra.Command, args []string) error { return takes(1, "type")(c, args[:min(len(args), 1)]) },
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c); err != nil {
				return t.misuse(c, err)
			}
			folders := args[1:]
			if len(folders) == 0 {
				folders = []string{"."}
			}
			return t.drill(c.Context(), args[0], folders, f.config)
		},
	}
	c.Flags().IntVar(&f.config.Runs, "runs", 1000, "sagas in each row")
	c.Flags().StringVar(&f.config.Faults, "faults", "", "the profile of faults (default: the family's)")
	c.Flags().StringVar(&f.layers, "layers", "", "one row: none, retry, retry+fallback or all (default: all four)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "which faults are met (default: the profile's)")
	c.Flags().IntVar(&f.config.AtOnce, "at-once", 16, "sagas at a time")
	c.Flags().IntVar(&f.config.Replicas, "replicas", 2, "processes for each agent")
	c.Flags().StringVar(&f.config.Store, "store", "", "an empty folder to keep everything in (default: a temporary one)")
	t.outputFlag(c)
	return c
}

func (f *drillFlags) check(c *cobra.Command) error {
	for name, n := range map[string]int{"runs": f.config.Runs, "at-once": f.config.AtOnce, "replicas": f.config.Replicas} {
		if n < 1 {
			return fmt.Errorf("--%s %d: at least one is needed", name, n)
		}
	}
	if c.Flags().Changed("seed") {
		f.config.Seed = &f.seed
	}
	if f.layers == "" {
		return nil
	}
	for _, l := range drill.All {
		if string(l) == f.layers {
			f.config.Layers = []agent.Layers{l}
			return nil
		}
	}
	return errors.New("--layers " + f.layers + ": want none, retry, retry+fallback or all")
}

func (t *tool) drill(ctx context.Context, typ string, folders []string, config drill.Config) error {
	ctx, cancel := t.limitWait(ctx)
	defer cancel()
	family, err := drill.Find(typ, folders...)
	if err != nil {
		return err
	}
	p := progress{w: t.err}
	config.Tell = p.tell
	report, err := drill.Run(ctx, family, config)
	p.end()
	if err != nil {
		return err
	}
	if t.json() {
		err = t.print(report)
	} else {
		_, err = fmt.Fprintln(t.out, strings.Join(report.Lines(t.ink(t.out), ink.Columns(t.out)), "\n"))
	}
	return errors.Join(err, report.Err())
}

// A progress is a bar for each row, where a person looks.
type progress struct {
	w      io.Writer
	mu     sync.Mutex
	bar    *progressbar.ProgressBar
	layers agent.Layers
}

func (p *progress) tell(now drill.Progress) {
	file, ok := p.w.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.layers != now.Layers {
		p.finish()
		p.layers = now.Layers
		p.bar = progressbar.NewOptions(now.Runs,
			progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(fmt.Sprintf("%-14s", now.Layers)),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("sagas"),
			progressbar.OptionFullWidth(), progressbar.OptionThrottle(100_000_000))
	}
	_ = p.bar.Set(now.Ended)
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Exit()
		fmt.Fprintln(p.w)
	}
}
