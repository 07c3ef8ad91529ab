package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/services/unwind/dlq"
)

// A sweep is what is done to chosen dead letters.
type sweep struct {
	letterFilter
	mend
	from     string
	all      bool
	dry, yes bool
	every    time.Duration
	verb     string // "send again", "drop"
}

func (s *sweep) flags(c *cobra.Command) {
	s.letterFilter.flags(c)
	s.mend.flags(c)
	c.Flags().StringVar(&s.from, "from", "", "a frozen list, as dlq list -o jsonl writes it; - is standard input")
	c.Flags().BoolVar(&s.all, "all", false, "all dead letters of the type")
	c.Flags().BoolVar(&s.dry, "dry-run", false, "only say what would be done")
	c.Flags().BoolVarP(&s.yes, "yes", "y", false, "do not ask before it is done to several")
	c.Flags().DurationVar(&s.every, "every", 0, "the pause between two, so that agents are not flooded")
}

// A deed is what became of one dead letter.
type deed struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	To    string `json:"to,omitempty"`
	Done  bool   `json:"done"`
	Note  string `json:"note,omitempty"`
	Error string `json:"error,omitempty"`
}

const sweepHelp = `

Which ones: by their ids; by a filter, or --all; or by a frozen list, --from, of which
none that came since is touched. One that somebody saw to meanwhile is left alone, and
said. It can be asked for again after a crash: nothing is done twice.`

func (t *tool) dlqRedriveCommand() *cobra.Command {
	s := sweep{verb: "send again"}
	var e taskEdit
	c := &cobra.Command{
		Use:   "redrive <type> [<id>...]",
		Short: "Send dead letters again, as they are or changed",
		Long: `Send dead letters again: another saga is begun with the task, and the old one's
history says who did it, why, and under which id: order-1 is sent again as
order-1-r1. Nothing of the old saga is taken over.` + sweepHelp,
		Example: `  unwind dlq redrive kyc order-1 --reason "the provider is up again"
  unwind dlq redrive kyc order-1 --edit --reason "the address was wrong"
  unwind dlq redrive kyc --agent face-matching --since 2h --dry-run
  unwind dlq list kyc --code provider_down -o jsonl > tonight.jsonl
  unwind dlq redrive kyc --from tonight.jsonl --every 100ms --yes --reason "it is up again"`,
		Args: atLeastType,
		RunE: func(c *cobra.Command, args []string) error {
			if err := e.check(); err != nil {
				return t.misuse(c, err)
			}
			return t.sweep(c, s, args, func(ctx context.Context, log *broker.Log, l dlq.Letter, dry bool) (deed, error) {
				task, err := e.apply(ctx, t, l)
				d := deed{Type: l.Type, ID: l.ID, To: dlq.Next(l.ID)}
				if err != nil || dry {
					return d, err
				}
				_, err = dlq.Redrive(ctx, log, l, task, s.by, s.reason)
				return d, err
			})
		},
	}
	s.flags(c)
	e.flags(c)
	t.outputFlag(c)
	return c
}

func (t *tool) dlqDropCommand() *cobra.Command {
	s := sweep{verb: "drop"}
	c := &cobra.Command{
		Use:   "drop <type> [<id>...]",
		Short: "Give dead letters up",
		Long: `Give dead letters up: nobody will do them, and their histories say who decided that
and why. They are listed no more; nothing is removed.` + sweepHelp,
		Example: `  unwind dlq drop kyc order-1 --reason "the customer went elsewhere"
  unwind dlq drop kyc --kind rejected --older 720h --yes --reason "nobody asked for them any more"`,
		Args: atLeastType,
		RunE: func(c *cobra.Command, args []string) error {
			return t.sweep(c, s, args, func(ctx context.Context, log *broker.Log, l dlq.Letter, dry bool) (deed, error) {
				d := deed{Type: l.Type, ID: l.ID}
				if dry {
					return d, nil
				}
				return d, dlq.Drop(ctx, log, l, s.by, s.reason)
			})
		},
	}
	s.flags(c)
	t.outputFlag(c)
	return c
}

func atLeastType(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return misused(c, fmt.Errorf("%s: <type> is missing", c.CommandPath()))
	}
	return nil
}

// sweep does something to each of the chosen dead letters.
func (t *tool) sweep(c *cobra.Command, s sweep, args []string, do func(context.Context, *broker.Log, dlq.Letter, bool) (deed, error)) error {
	if strings.TrimSpace(s.reason) == "" && !s.dry {
		return t.misuse(c, errors.New("--reason is missing: it stands in the saga's history"))
	}
	filter, err := s.at(time.Now())
	if err != nil {
		return t.misuse(c, err)
	}
	ways := 0
	for _, given := range []bool{len(args) > 1, s.from != "", s.all || filter != dlq.Filter{}} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return t.misuse(c, errors.New("which ones? ids, or a filter or --all, or --from: one of these"))
	}
	ctx, cancel := t.limitWait(c.Context())
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	letters, gone, err := t.choose(ctx, log, s, args[0], args[1:], filter)
	if err != nil {
		return err
	}
	for _, d := range gone {
		if err := t.tellDeed(s, d); err != nil {
			return err
		}
	}
	if len(letters)+len(gone) == 0 {
		t.say("no dead letter is like that")
		return nil
	}
	if len(letters) > 1 && !s.dry && !s.yes {
		if err := t.confirm(fmt.Sprintf("%s %d sagas", s.verb, len(letters))); err != nil {
			return err
		}
	}
	return t.each(ctx, log, s, letters, do)
}

func (t *tool) each(ctx context.Context, log *broker.Log, s sweep, letters []dlq.Letter, do func(context.Context, *broker.Log, dlq.Letter, bool) (deed, error)) error {
	bar := t.bar(len(letters), s.verb)
	defer bar.end()
	failed := 0
	for i, l := range letters {
		if i > 0 && s.every > 0 && !s.dry {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(s.every):
			}
		}
		d, err := do(ctx, log, l, s.dry)
		d.Done = err == nil && !s.dry
		if err != nil {
			failed++
			d.Error = err.Error()
		}
		if err := t.tellDeed(s, d); err != nil {
			return err
		}
		bar.add()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if failed > 0 {
		return &exit{exitError, fmt.Errorf("%d of %d failed\nhint: ask for the same again, what was done is not done twice", failed, len(letters))}
	}
	return nil
}

func (t *tool) tellDeed(s sweep, d deed) error {
	if t.json() {
		return t.print(d)
	}
	text := fmt.Sprintf("%s/%s", d.Type, d.ID)
	if d.To != "" {
		text += " → " + d.To
	}
	switch {
	case d.Error != "":
		rest, hints := split(d.Error)
		text += ": " + rest
		for _, hint := range hints {
			text += "\n  hint: " + hint
		}
	case d.Note != "":
		text += ": " + d.Note
	case s.dry:
		text += ": would be done"
	}
	_, err := fmt.Fprintln(t.out, text)
	return err
}

// choose reads the dead letters that are meant, and says of those that are none any
// more why.
func (t *tool) choose(ctx context.Context, log *broker.Log, s sweep, typ string, ids []string, f dlq.Filter) ([]dlq.Letter, []deed, error) {
	if s.from == "" && len(ids) == 0 {
		letters, err := t.letters(ctx, log, []string{typ}, f)
		return letters, nil, err
	}
	frozen := s.from != ""
	if frozen {
		var err error
		if ids, err = t.frozen(s.from, typ); err != nil {
			return nil, nil, err
		}
	}
	var letters []dlq.Letter
	var gone []deed
	for _, id := range ids {
		l, err := dlq.Load(ctx, log, typ, id)
		switch {
		case err == nil:
			letters = append(letters, l)
		case frozen && errors.Is(err, dlq.ErrNone):
			gone = append(gone, deed{Type: typ, ID: id, Note: "left alone: " + strings.TrimPrefix(err.Error(), fmt.Sprintf("saga %s/%s %v: ", typ, id, dlq.ErrNone))})
		default:
			return nil, nil, err
		}
	}
	return letters, gone, nil
}

// frozen reads the ids of a list that was written before.
func (t *tool) frozen(file, typ string) ([]string, error) {
	in := t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, &exit{exitError, fmt.Errorf("read the frozen list: %w", err)}
		}
		defer f.Close()
		in = f
	}
	var ids []string
	d := json.NewDecoder(in)
	for {
		var l struct{ Type, ID string }
		err := d.Decode(&l)
		switch {
		case errors.Is(err, io.EOF):
			return ids, nil
		case err != nil, l.ID == "":
			return nil, &exit{exitError, fmt.Errorf("read the frozen list: entry %d is no dead letter (%w)\nhint: `unwind dlq list %s -o jsonl` writes one", len(ids)+1, cmp.Or(err, errors.New("it has no id")), typ)}
		case l.Type == typ:
			ids = append(ids, l.ID)
		}
	}
}

// confirm asks a person; where none can be asked, the flag must say it.
func (t *tool) confirm(what string) error {
	f, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &exit{exitUsage, fmt.Errorf("%s: nobody is there to be asked\nhint: --dry-run says which, --yes does it", what)}
	}
	fmt.Fprintf(t.err, "%s? [y/N] ", what)
	line, _ := bufio.NewReader(t.in).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return &exit{exitError, errors.New("nothing was done")}
	}
	return nil
}

// A taskEdit is how a task is changed before it is sent again.
type taskEdit struct {
	file, patch string
	edit        bool
}

func (e *taskEdit) flags(c *cobra.Command) {
	c.Flags().StringVarP(&e.file, "file", "f", "", "another task, as JSON, instead of the old one")
	c.Flags().StringVar(&e.patch, "patch", "", "what is different, as a JSON merge patch (RFC 7396)")
	c.Flags().BoolVar(&e.edit, "edit", false, "edit the task in $EDITOR")
}

func (e *taskEdit) check() error {
	if e.patch != "" && !json.Valid([]byte(e.patch)) {
		return errors.New("--patch is not JSON")
	}
	if e.file != "" && (e.patch != "" || e.edit) {
		return errors.New("--file replaces the task: --patch and --edit change it")
	}
	return nil
}

func (e *taskEdit) apply(ctx context.Context, t *tool, l dlq.Letter) (json.RawMessage, error) {
	task := l.Task
	var err error
	if e.file != "" {
		if task, err = os.ReadFile(e.file); err != nil {
			return nil, err
		}
	}
	if e.patch != "" {
		if task, err = jsonpatch.MergePatch(task, []byte(e.patch)); err != nil {
			return nil, fmt.Errorf("patch the task of saga %s/%s: %w", l.Type, l.ID, err)
		}
	}
	if e.edit {
		if task, err = t.edit(ctx, task); err != nil {
			return nil, fmt.Errorf("edit the task of saga %s/%s: %w", l.Type, l.ID, err)
		}
	}
	if !json.Valid(task) {
		return nil, fmt.Errorf("the task of saga %s/%s is not JSON\nhint: --edit or --file", l.Type, l.ID)
	}
	return task, nil
}

// edit lets a person change a task.
func (t *tool) edit(ctx context.Context, task json.RawMessage) (json.RawMessage, error) {
	f, err := os.CreateTemp("", "unwind-task-*.json")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	var text bytes.Buffer
	if json.Indent(&text, task, "", "  ") != nil {
		text.Write(task)
	}
	_, err = f.Write(append(text.Bytes(), '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	words := strings.Fields(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi"))
	editor := exec.CommandContext(ctx, words[0], append(words[1:], f.Name())...) //nolint:gosec // it is the person's own
	editor.Stdin, editor.Stdout, editor.Stderr = t.in, t.err, t.err
	if err := editor.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: $EDITOR names the editor", words[0], err)
	}
	return os.ReadFile(f.Name())
}
