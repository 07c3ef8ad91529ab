package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
)

// A File is one JSON Schema.
type File struct {
	Name string // of the file
	Of   string // what it is the schema of
	Text []byte
}

// Files lists the JSON Schemas (draft 2020-12) of all data: what each kind of event
// carries, its headers, and the tasks and results of agents as their configurations
// have them.
func Files(agents []config.Config) ([]File, error) {
	var list []File
	add := func(name, of string, text []byte) error {
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
			return fmt.Errorf("schema %s: %w", name, err)
		}
		b.WriteByte('\n')
		if slices.ContainsFunc(list, func(f File) bool { return f.Name == name && f.Of != of }) {
			for i := range list {
				if list[i].Name == name {
					list[i].Of += ", " + of
				}
			}
			return nil
		}
		list = append(list, File{name, of, b.Bytes()})
		return nil
	}
	for _, k := range events.Kinds() {
		if text, ok := events.Schema(k); ok {
			o, err := object(text)
			if err != nil {
				return nil, fmt.Errorf("schema of %s: %w", k, err)
			}
			id, _ := o.Get("$id").(string)
			if err := add(id[strings.LastIndexByte(id, ':')+1:]+".json", k.String(), text); err != nil {
				return nil, err
			}
		}
		s := slot{kind: k, typ: "{type}", step: "{step}", agent: "{agent}"}
		if !hasStep(k) {
			s.step = ""
		}
		text, err := marshal(append(Object{
			{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Headers of " + k.String()},
		}, headers(s)...))
		if err != nil {
			return nil, err
		}
		if err := add(path.Join("headers", strings.ReplaceAll(k.String(), ".", "-")+".json"), "headers of "+k.String(), text); err != nil {
			return nil, err
		}
	}
	for _, a := range agents {
		for what, schema := range map[string]*config.Schema{"task": a.TaskSchema, "result": a.ResultSchema} {
			if schema == nil {
				continue
			}
			if err := add(path.Join(a.Saga, a.Agent+"-"+what+".json"), what+" of agent "+a.Agent, schema.JSON()); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
