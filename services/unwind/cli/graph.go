package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/graph"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// The formats of a drawing, beside text and JSON.
const (
	asMermaid = "mermaid"
	asDOT     = "dot"
	asSVG     = "svg"
)

func (t *tool) graphCommand() *cobra.Command {
	var files []string
	c := &cobra.Command{
		Use:   "graph [<type>]",
		Short: "Draw a choreography as the running agents declare it",
		Long: `Draw which steps a saga type has, what follows what, who performs each step and
who takes over, what can be undone, where it turns no more, and who is missing
right now. Nobody holds this picture: it is put together from what the running
agents say of themselves and from what their consumers hear. Below it stands
what "unwind lint" says of it.

With --files it is drawn from agents' files, without a broker.`,
		Example: `  unwind graph kyc
  unwind graph kyc -o svg > kyc.svg
  unwind graph --files services/kyc -o mermaid
  unwind graph kyc -o json | jq -r '.missing[]'`,
		Args: takes(0, "type"),
		RunE: func(c *cobra.Command, args []string) error {
			typ := strings.Join(args, "")
			if len(files) == 0 && typ == "" {
				return t.misuse(c, fmt.Errorf("%s: <type> is missing", c.CommandPath()))
			}
			g, err := t.choreography(c.Context(), typ, files)
			if err != nil {
				return err
			}
			return t.drawGraph(g)
		},
	}
	c.Flags().StringSliceVar(&files, "files", nil, "draw what is in these agents' files, or in those below these folders")
	t.outputFlag(c, asMermaid, asDOT, asSVG)
	return c
}

func (t *tool) choreography(ctx context.Context, typ string, files []string) (graph.Graph, error) {
	if len(files) > 0 {
		return graphOfFiles(typ, files)
	}
	ctx, cancel := t.limit(ctx)
	defer cancel()
	log, err := t.connect(ctx)
	if err != nil {
		return graph.Graph{}, err
	}
	defer log.Close()
	agents, err := call(ctx, log, typ)
	if err != nil {
		return graph.Graph{}, err
	}
	return graph.Live(typ, agents), nil
}

func graphOfFiles(typ string, files []string) (graph.Graph, error) {
	cast, err := dev.Find(files...)
	if err != nil {
		return graph.Graph{}, err
	}
	if len(cast.Mistakes) > 0 {
		return graph.Graph{}, fmt.Errorf("%w\nhint: `unwind lint` tells all that is wrong", cast.Mistakes)
	}
	var all []config.Config
	for _, p := range cast.Programs {
		all = append(all, p.Config)
	}
	types := cast.Types()
	switch {
	case typ == "" && len(types) > 1:
		return graph.Graph{}, fmt.Errorf("the files are of %d saga types\nhint: name one of %s", len(types), strings.Join(types, ", "))
	case typ == "":
		typ = types[0]
	case !slices.Contains(types, typ):
		return graph.Graph{}, fmt.Errorf("no file is of saga type %q\nhint: there are %s", typ, strings.Join(types, ", "))
	}
	return graph.Files(typ, all), nil
}

func (t *tool) drawGraph(g graph.Graph) error {
	switch t.format {
	case asMermaid:
		return g.Mermaid(t.out)
	case asDOT:
		return g.DOT(t.out)
	case asSVG:
		return g.SVG(t.out)
	case asText:
		return g.Text(t.out, graph.Options{Ink: t.ink(t.out), Columns: ink.Columns(t.out)})
	default:
		return t.print(g)
	}
}
