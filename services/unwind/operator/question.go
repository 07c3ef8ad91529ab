package operator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/unwind-saga/unwind/saga/agent"
)

// known are the words that a question may begin a name with.
var known = []string{"task", "results", "type", "id", "step", "attempt"}

// A question is a text with names in it.
type question struct {
	text string
	*template.Template
}

// ask reads a question. What it can never name is an error now, rather than in
// front of a person.
func ask(text string) (question, error) {
	if strings.TrimSpace(text) == "" {
		return question{}, fmt.Errorf("is missing: what is the person asked?")
	}
	t, err := template.New("question").Option("missingkey=error").Parse(text)
	if err != nil {
		return question{}, fmt.Errorf("is no template: %s", strings.TrimPrefix(err.Error(), "template: question:"))
	}
	for _, name := range roots(t.Root) {
		if !slices.Contains(known, name) {
			return question{}, fmt.Errorf("names .%s, which there is not: want one of .%s", name, strings.Join(known, ", ."))
		}
	}
	return question{text, t}, nil
}

// roots lists the first words of the names in a template, as far as they are
// seen without running it: what stands within range and with is about something
// else.
func roots(n parse.Node) (names []string) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, node := range n.Nodes {
			names = append(names, roots(node)...)
		}
	case *parse.ActionNode:
		return roots(n.Pipe)
	case *parse.IfNode:
		return slices.Concat(roots(n.Pipe), roots(n.List), roots(n.ElseList))
	case *parse.RangeNode:
		return slices.Concat(roots(n.Pipe), roots(n.ElseList))
	case *parse.WithNode:
		return slices.Concat(roots(n.Pipe), roots(n.ElseList))
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			for _, arg := range c.Args {
				names = append(names, roots(arg)...)
			}
		}
	case *parse.FieldNode:
		return n.Ident[:1]
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			return n.Ident[1:2]
		}
	}
	return names
}

// put puts the question to a task.
func (q question) put(t agent.Task) string {
	results := map[string]any{}
	for step, raw := range t.Results {
		results[step] = value(raw)
	}
	var b strings.Builder
	if err := q.Execute(&b, map[string]any{
		"task": value(t.Payload), "results": results, "type": t.Type, "id": t.ID, "step": t.Step, "attempt": t.Attempt,
	}); err != nil {
		return fmt.Sprintf("%s\n(This could not be filled in: %s.)", q.text, reason(err))
	}
	return b.String()
}

// reason leaves out of a template's error where in the program it stands.
func reason(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "at <"); ok {
		return "at <" + after
	}
	return text
}

// value reads JSON, with numbers as they were written. What is none, and
// nothing, is a text.
func value(raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(raw)
	}
	return v
}
