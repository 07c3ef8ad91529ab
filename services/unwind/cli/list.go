package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/index"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// listFlags say which sagas are listed, and how.
type listFlags struct {
	index    indexFlags
	statuses []string
	presets  map[saga.Status]*bool
	failed   bool
	class    string
	since    time.Duration
	older    time.Duration
	sort, by string
	clock    string
	query    index.Query
}

// presets are the statuses that have a flag of their own.
var presets = []struct {
	status saga.Status
	help   string
}{
	{saga.Running, "those that go forward"},
	{index.Retrying, "those with a step that waits for its next attempt"},
	{saga.Waiting, "those with a step whose outcome comes from outside"},
	{saga.Unwinding, "those that are being undone"},
	{saga.Stuck, "those that need a person to go on"},
}

func (t *tool) listCommand() *cobra.Command {
	f := listFlags{presets: map[saga.Status]*bool{}}
	c := &cobra.Command{
		Use:   "list [<type>]",
		Short: "Find sagas by how they stand, where, why and since when",
		Long: `List sagas, of one type or of all, those that changed last first. Flags narrow
the list down; several statuses may be asked for at once, everything else must
hold together.

It reads an index beside the stream (see "unwind index"), which catches up first:
the first time that takes some minutes for a million sagas, later next to nothing.

A step or an agent is that at which the saga stands, whose error was the last, or
whose failure turned it.

-o json and jsonl have for each saga the keys type, id, status, began, changed,
deadline, at (step, agent, status), attempts, person, error (step, agent, class,
code, message), turned (with a reason too), events and seq; with --by type, name
and sagas.`,
		Example: `  unwind saga list
  unwind saga list kyc --failed --since 1h
  unwind saga list --stuck --waiting --older 10m
  unwind saga list --agent face-matching --error http_503
  unwind saga list --by status
  unwind saga list kyc --failed --by agent
  unwind saga list --running --sort deadline
  unwind saga list --limit 0 -o jsonl | jq -r .id`,
		Args: takes(0, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.understand(args); err != nil {
				return t.misuse(c, err)
			}
			return t.list(c.Context(), f)
		},
	}
	f.index.addStale(c)
	flags := c.Flags()
	flags.StringSliceVar(&f.statuses, "status", nil, "those that stand so, of "+strings.Join(words(index.Statuses), ", "))
	for _, p := range presets {
		f.presets[p.status] = flags.Bool(string(p.status), false, p.help)
	}
	flags.BoolVar(&f.failed, "failed", false, "those that went wrong for good: turned, unless somebody cancelled them, rejected, stuck, or unreadable; until somebody has seen to them (see \"unwind dlq\")")
	flags.BoolVar(&f.query.Person, "person", false, "those in which a person must see to something: the inbox")
	flags.StringVar(&f.query.Agent, "agent", "", "those at this agent")
	flags.StringVar(&f.query.Step, "step", "", "those at this step")
	flags.StringVar(&f.query.Code, "error", "", "those whose last error has this code")
	flags.StringVar(&f.class, "class", "", "those whose last error was transient, unavailable, refused or unknown")
	flags.StringVar(&f.query.Prefix, "id", "", "those whose ids begin so")
	flags.DurationVar(&f.since, "since", 0, "those that changed within this time")
	flags.DurationVar(&f.older, "older", 0, "those that have not changed for this time")
	flags.StringVar(&f.sort, "sort", string(index.ByChanged), "by "+strings.Join(words(index.Sorts), ", "))
	flags.BoolVar(&f.query.Reverse, "reverse", false, "the other way round")
	flags.IntVar(&f.query.Limit, "limit", 50, "how many at most; 0 is all")
	flags.StringVar(&f.by, "by", "", "count them instead, by "+strings.Join(words(index.Bys), ", "))
	flags.StringVar(&f.clock, "time", "relative", "relative or iso")
	t.outputFlag(c)
	for flag, fixed := range map[string][]string{
		"status": words(index.Statuses), "sort": words(index.Sorts), "by": words(index.Bys), "time": {"relative", "iso"}, "class": classes,
	} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(fixed, cobra.ShellCompDirectiveNoFileComp))
	}
	return c
}

var classes = words([]events.Class{events.Transient, events.Unavailable, events.Refused, events.Unknown})

func words[T ~string](list []T) (texts []string) {
	for _, w := range list {
		texts = append(texts, string(w))
	}
	return texts
}

// understand makes a query of the flags.
func (f *listFlags) understand(args []string) error {
	q := &f.query
	q.Types, q.Failed, q.Class, q.Sort = args, f.failed, events.Class(f.class), index.Sort(f.sort)
	for _, word := range f.statuses {
		if !slices.Contains(index.Statuses, saga.Status(word)) {
			return fmt.Errorf("status %q: want one of %s", word, strings.Join(words(index.Statuses), ", "))
		}
		q.Statuses = append(q.Statuses, saga.Status(word))
	}
	for _, p := range presets {
		if *f.presets[p.status] {
			q.Statuses = append(q.Statuses, p.status)
		}
	}
	for _, choice := range []struct {
		flag, word string
		of         []string
	}{
		{"class", f.class, classes}, {"sort", f.sort, words(index.Sorts)}, {"by", f.by, words(index.Bys)}, {"time", f.clock, []string{"relative", "iso"}},
	} {
		if choice.word != "" && !slices.Contains(choice.of, choice.word) {
			return fmt.Errorf("%s %q: want one of %s", choice.flag, choice.word, strings.Join(choice.of, ", "))
		}
	}
	switch {
	case f.since < 0 || f.older < 0 || q.Limit < 0:
		return errors.New("since, older and limit must not be negative")
	case f.since > 0 && f.older >= f.since:
		return fmt.Errorf("nothing changed within %v and not for %v", f.since, f.older)
	}
	if f.since > 0 {
		q.Since = time.Now().Add(-f.since)
	}
	if f.older > 0 {
		q.Before = time.Now().Add(-f.older)
	}
	return nil
}

func (t *tool) list(ctx context.Context, f listFlags) error {
	ctx, cancel := t.limitWait(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	x, err := t.ready(ctx, f.index, log)
	if err != nil {
		return err
	}
	defer x.Close()
	if err := known(ctx, x, log, f.query.Types); err != nil {
		return err
	}
	switch {
	case f.by != "":
		return t.groups(ctx, x, f)
	case t.format == asLines:
		for r, err := range x.Each(ctx, f.query) {
			if err != nil {
				return err
			}
			if err := t.print(r); err != nil {
				return err
			}
		}
		return nil
	}
	found, err := x.Find(ctx, f.query)
	if err != nil {
		return err
	}
	if t.json() {
		err = printAll(t, found)
	} else {
		err = t.sagas(found, f.clock == "iso")
	}
	if err != nil {
		return err
	}
	return t.more(ctx, x, f.query, len(found))
}

// known says which types there are, to whoever asks for another.
func known(ctx context.Context, x *index.Index, log *broker.Log, wanted []string) error {
	if len(wanted) == 0 {
		return nil
	}
	types, err := x.Types(ctx)
	if err != nil || slices.Contains(types, wanted[0]) {
		return err
	}
	if types, err = log.Types(ctx); err != nil || slices.Contains(types, wanted[0]) {
		return err
	}
	return fmt.Errorf("list sagas of type %q: %w\nhint: %s", wanted[0], events.ErrNoType, typesHint(ctx, log))
}

// more says how much of what was asked for is not shown.
func (t *tool) more(ctx context.Context, x *index.Index, q index.Query, shown int) error {
	switch {
	case shown == 0:
		t.say("no saga is like that")
		return nil
	case q.Limit == 0 || shown < q.Limit:
		return nil
	}
	all, more, err := x.Count(ctx, q)
	switch {
	case err != nil:
		return err
	case more:
		t.say("\nthe first %d of over %s: --limit 0 shows all, --by counts them", shown, thousands(all))
	case all > shown:
		t.say("\nthe first %d of %s: --limit 0 shows all, --by counts them", shown, thousands(all))
	}
	return nil
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func (t *tool) groups(ctx context.Context, x *index.Index, f listFlags) error {
	groups, err := x.Group(ctx, f.query, index.By(f.by))
	switch {
	case err != nil:
		return err
	case t.json():
		return printAll(t, groups)
	case len(groups) == 0:
		t.say("no saga is like that")
		return nil
	}
	table := ink.Table{Head: []string{"type", f.by, "sagas"}}
	for _, g := range groups {
		name := ink.Cell{Text: ink.Clean(g.Name)}
		switch index.By(f.by) {
		case index.ByStatus:
			name.Tone = toneOf(saga.Status(g.Name))
		case index.ByAgent, index.ByStep:
			name.Name = g.Name
		}
		table.Row(ink.Cell{Text: g.Type}, name, ink.Cell{Text: thousands(g.Sagas)})
	}
	for _, line := range table.Lines(t.ink(t.out), ink.Columns(t.out)) {
		fmt.Fprintln(t.out, line)
	}
	return nil
}

// sagas prints a table.
func (t *tool) sagas(list []index.Saga, iso bool) error {
	if len(list) == 0 {
		return nil
	}
	now := time.Now()
	ago := func(at time.Time) string {
		if iso {
			return at.Format("2006-01-02T15:04:05.000Z07:00")
		}
		return ink.Span(now.Sub(at)) + " ago"
	}
	table := ink.Table{Head: []string{"saga", "status", "changed", "began", "at", "turns by itself", "what went wrong"}}
	for _, r := range list {
		deadline := ""
		switch {
		case r.Deadline.IsZero():
		case iso:
			deadline = ago(r.Deadline)
		default:
			deadline = "in " + ink.Span(r.Deadline.Sub(now))
		}
		place, name := placesOf(r)
		table.Row(
			ink.Cell{Text: r.Type + "/" + r.ID, Tone: ink.Strong},
			ink.Cell{Text: string(r.Status), Tone: toneOf(r.Status)},
			ink.Cell{Text: ago(r.Changed)},
			ink.Cell{Text: ago(r.Began), Tone: ink.Quiet},
			ink.Cell{Text: place, Name: name},
			ink.Cell{Text: deadline},
			ink.Cell{Text: ink.Clean(wrong(r)), Tone: ink.Quiet},
		)
	}
	for _, line := range table.Lines(t.ink(t.out), ink.Columns(t.out)) {
		if _, err := fmt.Fprintln(t.out, line); err != nil {
			return err
		}
	}
	return nil
}

// placesOf tells where a saga stands, and whose colour that has.
func placesOf(r index.Saga) (text, name string) {
	var places []string
	for _, p := range r.At {
		place := p.Step
		if p.Agent != p.Step && p.Agent != "" {
			place += " → " + p.Agent
		}
		places, name = append(places, place), p.Agent
	}
	return strings.Join(places, ", "), name
}

// wrong tells what went wrong: why it turned, and the last error where that is
// another one.
func wrong(r index.Saga) string {
	var parts []string
	if t := r.Turned; t != nil {
		text := string(t.Reason)
		if t.Step != "" {
			text = t.Step + " " + text
		}
		parts = append(parts, text)
		if e := r.Error; t.Message != "" && (e == nil || e.Message != t.Message) {
			parts = append(parts, t.Message)
		}
	}
	if e := r.Error; e != nil {
		text := e.Message
		switch {
		case text == "":
			text = e.Code
		case e.Code != "" && e.Code != string(index.Unreadable):
			text += " [" + e.Code + "]"
		}
		if e.Agent != "" && (r.Turned == nil || e.Step != r.Turned.Step) {
			text = e.Agent + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · ")
}

func toneOf(s saga.Status) ink.Tone {
	switch s {
	case saga.Completed:
		return ink.Good
	case saga.Compensated, saga.Unwinding:
		return ink.Back
	case saga.Stuck, saga.Rejected, index.Unreadable:
		return ink.Bad
	case saga.Waiting, index.Retrying:
		return ink.Warn
	default:
		return ink.Busy
	}
}
