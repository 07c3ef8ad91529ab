package graph

import (
	"fmt"
	"io"
	"strings"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Mermaid draws a flowchart, as Markdown on many sites shows it.
func (g Graph) Mermaid(w io.Writer) error {
	lines := []string{"flowchart TD", `  task(["task"])`}
	id := g.ids()
	text := func(s string) string {
		return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;", "#", "&num;").Replace(ink.Clean(s))
	}
	for _, s := range g.Steps {
		parts := []string{"<b>" + text(s.Name) + "</b>"}
		if s.When != "" {
			parts = append(parts, "<i>if "+text(s.When)+"</i>")
		}
		if len(s.Players) > 0 {
			parts = append(parts, text(g.says(s, s.Players[0])))
		}
		shape := `["%s"]`
		if s.Pivot {
			shape = `{{"%s"}}`
		} else if s.Final {
			shape = `(["%s"])`
		}
		lines = append(lines, "  "+id[s.Name]+fmt.Sprintf(shape, strings.Join(parts, "<br>")))
		last := id[s.Name]
		for i, p := range s.Players {
			here := fmt.Sprintf("%s_%d", id[s.Name], i)
			if i > 0 {
				lines = append(lines, fmt.Sprintf(`  %s["%s"]`, here, text(g.says(s, p))), fmt.Sprintf("  %s -.-> %s", last, here))
				last = here
			} else {
				here = last
			}
			if !p.There {
				lines = append(lines, "  class "+here+" missing")
			}
		}
		if len(s.Players) == 0 {
			lines = append(lines, "  class "+id[s.Name]+" missing")
		}
	}
	for _, s := range g.Steps {
		if s.begins() {
			lines = append(lines, "  task --> "+id[s.Name])
		}
		for _, before := range s.After {
			lines = append(lines, "  "+id[before]+" --> "+id[s.Name])
		}
	}
	lines = append(lines, "  classDef missing stroke:#d1242f,stroke-dasharray:4")
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// DOT draws for Graphviz.
func (g Graph) DOT(w io.Writer) error {
	lines := []string{
		"digraph " + quote(g.Type) + " {",
		`  node [shape=box, style=rounded, fontname="sans-serif"]`,
		`  task [shape=plaintext]`,
	}
	id := g.ids()
	for _, s := range g.Steps {
		label := s.Name
		if s.When != "" {
			label += "\nif " + ink.Clean(s.When)
		}
		missing := ", color=red, fontcolor=red"
		if len(s.Players) > 0 {
			label += "\n" + g.says(s, s.Players[0])
			if s.Players[0].There {
				missing = ""
			}
		}
		style := ""
		switch {
		case s.Pivot:
			style = ", shape=hexagon"
		case s.Final:
			style = ", peripheries=2"
		}
		lines = append(lines, fmt.Sprintf("  %s [label=%s%s%s]", id[s.Name], quote(label), style, missing))
		last := id[s.Name]
		for i, p := range s.Players {
			if i == 0 {
				continue
			}
			missing := ""
			if !p.There {
				missing = ", color=red, fontcolor=red"
			}
			here := fmt.Sprintf("%s_%d", id[s.Name], i)
			lines = append(lines, fmt.Sprintf(`  %s [label=%s, style="rounded,dashed"%s]`, here, quote(g.says(s, p)), missing),
				fmt.Sprintf("  %s -> %s [style=dashed]", last, here))
			last = here
		}
	}
	for _, s := range g.Steps {
		if s.begins() {
			lines = append(lines, "  task -> "+id[s.Name])
		}
		for _, before := range s.After {
			lines = append(lines, "  "+id[before]+" -> "+id[s.Name])
		}
	}
	lines = append(lines, "}")
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// says is a player in words, without the signs that a drawing explains.
func (g Graph) says(s Step, p Player) string {
	name := p.Agent
	if name == s.Name {
		name = ""
	}
	count := ""
	switch {
	case !p.There:
		count = "missing"
	case g.Live && p.Running == 0:
		count = "listens"
	case g.Live:
		count = fmt.Sprintf("%d running", p.Running)
	}
	undo := map[Undo]string{CanUndo: "can undo", CantUndo: "cannot undo", NothingToDo: "nothing to undo"}[p.Undo]
	end := ""
	if p.Agent == s.Players[0].Agent {
		pivot, final := "", ""
		if s.Pivot {
			pivot = "pivot"
		}
		if s.Final {
			final = "final"
		}
		end = words(" · ", pivot, final)
	}
	return words(" · ", name, count, undo, end)
}

// ids are names that no drawing language takes for a word of its own.
func (g Graph) ids() map[string]string {
	ids := map[string]string{}
	for i, s := range g.Steps {
		ids[s.Name] = fmt.Sprintf("s%d", i+1)
	}
	return ids
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
