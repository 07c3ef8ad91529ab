package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/asyncapi"
	"github.com/unwind-saga/unwind/services/unwind/dev"
)

func (t *tool) exportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "export",
		Short: "Describe the wire for who joins in another language",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.exportAsyncAPICommand(), t.exportSchemasCommand())
	return c
}

func (t *tool) exportAsyncAPICommand() *cobra.Command {
	var saga, format string
	var agents []string
	c := &cobra.Command{
		Use:   "asyncapi",
		Short: "An AsyncAPI 3.0 document of the wire",
		Long: `Print the wire as an AsyncAPI 3.0 document: the subjects, the messages with their
headers, guards and schemas, who sends what and who hears it, and the rules that no
schema can say. With the agents of a saga type it has that type's steps and agents, the
consumers that each listens to, and the schemas of its tasks and results.

It asks no broker and changes nothing.`,
		Example: `  unwind export asyncapi > unwind.yaml
  unwind export asyncapi --agents services/kyc -o json
  unwind export asyncapi --agents services --saga kyc`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "yaml" && format != "json" {
				return t.misuse(c, fmt.Errorf("format %q: want yaml or json", format))
			}
			configs, err := ofType(&saga, agents)
			if err != nil {
				return err
			}
			doc, err := asyncapi.Generate(asyncapi.Options{Saga: saga, Agents: configs})
			if err != nil {
				return fmt.Errorf("export asyncapi: %w", err)
			}
			print := doc.YAML
			if format == "json" {
				print = doc.JSON
			}
			text, err := print()
			if err != nil {
				return fmt.Errorf("export asyncapi: %w", err)
			}
			_, err = t.out.Write(text)
			return err
		},
	}
	c.Flags().StringVar(&saga, "saga", "", "a saga type (default: any, or that of the agents)")
	c.Flags().StringSliceVar(&agents, "agents", nil, "folders or files of its agents")
	c.Flags().StringVarP(&format, "format", "o", "yaml", "yaml or json")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (t *tool) exportSchemasCommand() *cobra.Command {
	var folder, saga string
	var agents []string
	c := &cobra.Command{
		Use:   "schemas",
		Short: "The JSON Schemas of all data, a file each",
		Long: `Write the JSON Schemas (draft 2020-12) of what each kind of event carries and of its
headers, and index.json, which says what each is of. With agents, the schemas of their
tasks and results come too. Files of these names are written over; others are left.`,
		Example: `  unwind export schemas
  unwind export schemas -d api/schemas --agents services/kyc`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			var configs []config.Config
			if len(agents) > 0 {
				var err error
				if configs, err = ofType(&saga, agents); err != nil {
					return err
				}
			}
			files, err := asyncapi.Files(configs)
			if err != nil {
				return fmt.Errorf("export schemas: %w", err)
			}
			if err := writeSchemas(folder, files); err != nil {
				return fmt.Errorf("export schemas: %w", err)
			}
			t.say("%d schemas are in %s", len(files), folder)
			return nil
		},
	}
	c.Flags().StringVarP(&folder, "directory", "d", "schemas", "where to write them")
	c.Flags().StringVar(&saga, "saga", "", "a saga type, where the agents are of several")
	c.Flags().StringSliceVar(&agents, "agents", nil, "folders or files of agents")
	return c
}

// writeSchemas writes files and their index, in place of those that were there.
func writeSchemas(folder string, files []asyncapi.File) error {
	index := map[string]string{}
	for _, f := range files {
		index[f.Name] = f.Of
		if err := writeFile(filepath.Join(folder, filepath.FromSlash(f.Name)), f.Text); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, "index.json"), append(text, '\n'))
}

func writeFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// ofType finds the agents of one saga type below folders. Without a type, it is
// that of all of them.
func ofType(saga *string, paths []string) ([]config.Config, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	cast, err := dev.Find(paths...)
	if err != nil {
		return nil, err
	}
	if len(cast.Mistakes) > 0 {
		return nil, cast.Mistakes
	}
	types := cast.Types()
	switch {
	case *saga == "" && len(types) > 1:
		return nil, fmt.Errorf("the agents are of several saga types: %s\nhint: say which with --saga", strings.Join(types, ", "))
	case *saga == "":
		*saga = types[0]
	case !slices.Contains(types, *saga):
		return nil, fmt.Errorf("no agent is of saga type %q\nhint: there are %s", *saga, strings.Join(types, ", "))
	}
	var list []config.Config
	for _, p := range cast.Programs {
		if p.Config.Saga == *saga {
			list = append(list, p.Config)
		}
	}
	return list, nil
}
