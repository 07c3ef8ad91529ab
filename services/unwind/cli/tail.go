package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/live"
)

// lookBack is how many events of a type are read at most to find the last ones
// that pass.
const lookBack = 200_000

type tailFlags struct {
	filter live.Filter
	kinds  []string
	last   int
	since  time.Duration
	follow bool
	clock  string
}

// clocks are how a line may tell when its event was written.
var clocks = map[string]string{"clock": "15:04:05.000", "iso": "2006-01-02T15:04:05.000Z07:00", "saga": ""}

func (t *tool) tailCommand() *cobra.Command {
	var f tailFlags
	c := &cobra.Command{
		Use:   "tail [<type>]",
		Short: "Show the last events, and those that come",
		Long: `Show the last events of a type or of all, and with -f those that come, one on each
line. Flags narrow them down; each may be given several times, and then one of its
values is enough.

"unwind saga watch" shows one saga until it ended, in the same lines.

-o json and jsonl print an object on each line, with the keys type, id, seq, time,
subject, event, step, agent and data.`,
		Example: `  unwind event tail
  unwind event tail -f --kind failed --kind undofailed
  unwind event tail kyc -f --agent face-matching
  unwind event tail --since 10m --error timeout
  unwind event tail kyc -n 100 --id order- -o jsonl | jq -r .data.error.message`,
		Args: takes(0, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("lines") && f.since > 0 {
				f.last = 0
			}
			if err := f.understand(); err != nil {
				return t.misuse(c, err)
			}
			ctx, cancel := t.limitWait(c.Context())
			defer cancel()
			log, err := t.connect(ctx)
			if err != nil {
				return err
			}
			defer log.Close()
			return t.tail(ctx, log, args, f)
		},
	}
	flags := c.Flags()
	flags.IntVarP(&f.last, "lines", "n", 20, "how many of the last events (default with --since: all)")
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with those that come")
	flags.DurationVar(&f.since, "since", 0, "only events of this time")
	flags.StringSliceVar(&f.filter.Steps, "step", nil, "only events of this step")
	flags.StringSliceVar(&f.filter.Agents, "agent", nil, "only events of this agent, or for it")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only events of this kind, such as failed or saga.completed")
	flags.StringVar(&f.filter.Prefix, "id", "", "only sagas whose ids begin so")
	flags.StringVar(&f.filter.Error, "error", "", "only events whose error has this text, in its code or its message")
	flags.StringVar(&f.clock, "time", "clock", "clock is the time of day, iso with the date, saga since the saga's task")
	t.outputFlag(c)
	_ = c.RegisterFlagCompletionFunc("time", cobra.FixedCompletions([]string{"clock", "iso", "saga"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func kindNames() (names []string) {
	for _, k := range events.Kinds() {
		names = append(names, k.String())
	}
	return names
}

func (f *tailFlags) understand() error {
	kinds, names := events.Kinds(), kindNames()
	for _, word := range f.kinds {
		i := slices.Index(names, word)
		if i < 0 {
			return fmt.Errorf("kind %q: want one of %s", word, strings.Join(names, ", "))
		}
		f.filter.Kinds = append(f.filter.Kinds, kinds[i])
	}
	if _, ok := clocks[f.clock]; !ok {
		return fmt.Errorf("time %q: want clock, iso or saga", f.clock)
	}
	if f.last < 0 || f.since < 0 {
		return errors.New("lines and since must not be negative")
	}
	return nil
}

// tail shows what was, and then what comes.
func (t *tool) tail(ctx context.Context, log *broker.Log, args []string, f tailFlags) error {
	types := args
	if len(args) == 0 {
		var err error
		if types, err = log.Types(ctx); err != nil {
			return err
		}
	}
	w := t.watcher(log, live.Options{Several: true, Types: len(args) == 0, Clock: clocks[f.clock]})
	w.passes = f.filter.Passes
	var past []events.Event
	for _, typ := range types {
		p := pastOf{log: log, typ: typ, passes: w.passes, last: f.last}
		if len(types) == 1 && f.last == 0 { // nothing has to be held
			p.show = func(e events.Event) error { return w.show(ctx, e) }
		}
		if err := p.read(ctx, f.since); errors.Is(err, events.ErrNoType) {
			return fmt.Errorf("look for events of type %q: %w\nhint: %s", typ, events.ErrNoType, typesHint(ctx, log))
		} else if err != nil {
			return err
		}
		if p.gaveUp {
			t.say("of %s, only the last %s events were looked at: --since looks further back", typ, thousands(lookBack))
		}
		past = append(past, p.events...)
		w.from[typ] = p.next
	}
	slices.SortStableFunc(past, func(a, b events.Event) int { return a.Time.Compare(b.Time) })
	if f.last > 0 {
		past = past[max(len(past)-f.last, 0):]
	}
	w.lines.Widen(past)
	for _, e := range past {
		if err := w.show(ctx, e); err != nil {
			return err
		}
	}
	if !f.follow {
		return nil
	}
	return w.run(ctx, args, false)
}

// pastOf is what of a type's past is shown.
type pastOf struct {
	log    *broker.Log
	typ    string
	passes func(events.Event) bool
	last   int                      // how many; 0: all
	show   func(events.Event) error // instead of keeping them, where all are wanted

	events []events.Event
	next   uint64 // the first sequence that was not looked at
	gaveUp bool
}

var errFar = errors.New("far enough")

// read reads what was written since a while ago; where a number is wanted, it looks
// back from the end, further and further, until there are enough.
func (p *pastOf) read(ctx context.Context, since time.Duration) error {
	reach, err := p.log.Extent(ctx, p.typ)
	if err != nil {
		return err
	}
	p.next = reach.Last + 1
	first, far := uint64(1), uint64(1)
	if p.next > lookBack {
		far = p.next - lookBack
	}
	if since > 0 {
		if first, err = p.log.At(ctx, p.typ, time.Now().Add(-since)); err != nil {
			return err
		}
		far = first
	}
	if p.last == 0 {
		if since > 0 {
			p.events, err = p.between(ctx, first, p.next)
		}
		return err
	}
	for end, window := p.next, uint64(max(4*p.last, 256)); end > far && len(p.events) < p.last; window *= 4 {
		from := far
		if end > far+window {
			from = end - window
		}
		before, err := p.between(ctx, from, end)
		if err != nil {
			return err
		}
		p.events, end = append(before, p.events...), from
	}
	p.gaveUp = len(p.events) < p.last && far > first
	return nil
}

// between reads the events that pass, from a sequence to before another.
func (p *pastOf) between(ctx context.Context, from, end uint64) (passed []events.Event, err error) {
	_, err = p.log.ScanFrom(ctx, p.typ, from, func(e events.Event) error {
		switch {
		case e.Seq >= end:
			return errFar
		case !p.passes(e):
			return nil
		case p.show != nil:
			return p.show(e)
		}
		passed = append(passed, e)
		if n := len(passed); p.last > 0 && n > 2*p.last {
			passed = slices.Clone(passed[n-p.last:])
		}
		return nil
	})
	if errors.Is(err, errFar) {
		err = nil
	}
	return passed, err
}
