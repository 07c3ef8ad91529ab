package cli

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/index"
)

// glance is how long a completion may take: whoever pressed tab waits.
const glance = time.Second

// A guess lists what an argument may be, given those before it by their names.
type guess func(ctx context.Context, log *broker.Log, args map[string]string, prefix string) ([]string, error)

// guesses are the arguments that can be completed, by the name in a command's usage
// line. What they say is live: it is asked of the broker.
var guesses = map[string]guess{
	"type": func(ctx context.Context, log *broker.Log, _ map[string]string, _ string) ([]string, error) {
		return log.Types(ctx)
	},
	"id": sagaIDs,
	"agent": func(ctx context.Context, log *broker.Log, args map[string]string, _ string) ([]string, error) {
		there, err := log.Instances(ctx, args["type"])
		var agents []string
		for _, i := range there {
			agents = append(agents, i.Agent)
		}
		return slices.Compact(agents), err
	},
	"step": func(ctx context.Context, log *broker.Log, args map[string]string, _ string) ([]string, error) {
		s, _, err := client.Load(ctx, log, args["type"], args["id"], 0)
		if err != nil {
			return nil, err
		}
		var steps []string
		for _, st := range s.Steps {
			steps = append(steps, st.Name)
		}
		return steps, nil
	},
}

// proposals is how many ids are proposed.
const proposals = 50

// sagaIDs are those that changed last. The index catches up as far as whoever pressed
// tab can wait.
func sagaIDs(ctx context.Context, log *broker.Log, args map[string]string, prefix string) ([]string, error) {
	x, err := indexFlags{}.open(ctx, log)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	soon, cancel := context.WithTimeout(ctx, glance/2)
	defer cancel()
	_ = x.CatchUp(soon, log, nil)
	found, err := x.Find(ctx, index.Query{Types: []string{args["type"]}, Prefix: prefix, Limit: proposals})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range found {
		ids = append(ids, s.ID)
	}
	return ids, nil
}

var argument = regexp.MustCompile(`<([a-z]+)[^>]*>`)

// complete gives each command the completion of its arguments, which it reads from
// how the command is used: <type> <id>.
func (t *tool) complete(c *cobra.Command) {
	for _, sub := range c.Commands() {
		t.complete(sub)
	}
	var names []string
	for _, found := range argument.FindAllStringSubmatch(c.Use, -1) {
		names = append(names, found[1])
	}
	if len(names) == 0 || c.ValidArgsFunction != nil {
		return
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(names) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ask, ok := guesses[names[len(args)]]
		if !ok {
			return nil, cobra.ShellCompDirectiveDefault // a file, perhaps
		}
		before := map[string]string{}
		for i, arg := range args {
			before[names[i]] = arg
		}
		return t.guess(c.Context(), ask, before, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// guess asks; where nobody answers soon, there is nothing to propose.
func (t *tool) guess(ctx context.Context, ask guess, args map[string]string, prefix string) []string {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return nil
	}
	defer log.Close()
	all, err := ask(ctx, log, args, prefix)
	if err != nil {
		return nil
	}
	var fit []string
	for _, word := range all {
		if strings.HasPrefix(word, prefix) {
			fit = append(fit, word)
		}
	}
	return fit
}
