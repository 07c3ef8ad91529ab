package casefile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// telling is the length from which on a text that was taken out is looked for
// everywhere. A shorter one says nothing, and would be found in anything.
const telling = 4

// standIn is how each text begins that stands for one that was taken out.
const standIn = "redacted-"

// ErrNothingRedacted says that a path names nothing: it has a slip of the pen, or
// the saga has no such value.
var ErrNothingRedacted = errors.New("there is no such value")

// Redact takes out what the paths name: /task/applicant/name, /results/<step>/...,
// /undo/<step>/..., /errors; a * stands for every key. What is left has the same
// shape: a text becomes redacted-1, the same one wherever it stands, so that what
// was equal stays equal; a number becomes 0.
//
// The texts that were taken out are looked for in all the rest, if they have four
// letters or more. A path that names nothing is [ErrNothingRedacted], when all
// others were taken out.
func (c *Case) Redact(paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	r := redaction{names: map[string]string{}, hits: map[string]int{}, stepOf: map[string]string{}}
	for _, text := range paths {
		p, err := parsePath(text)
		if err != nil {
			return err
		}
		r.paths = append(r.paths, p)
	}
	if err := c.redact(&r); err != nil {
		return c.wrong("redact: %w", err)
	}
	c.Redacted = slices.Compact(slices.Sorted(slices.Values(append(c.Redacted, paths...))))
	var missed []string
	for _, p := range r.paths {
		if r.hits[p.text] == 0 {
			missed = append(missed, p.text)
		}
	}
	if len(missed) > 0 {
		return c.wrong("redact %s: %w", strings.Join(missed, ", "), ErrNothingRedacted)
	}
	return nil
}

// redact takes out what the paths name, and then looks for it in all the rest.
func (c *Case) redact(r *redaction) error {
	docs := make([]any, len(c.Events))
	for i := range c.Events {
		e := &c.Events[i]
		s, err := events.Parse(e.Subject)
		if err != nil {
			return err
		}
		if docs[i], err = decode(e.Data); err != nil {
			return err
		}
		if s.Kind == events.Submitted && e.Data == nil {
			r.bare(e)
		}
		docs[i] = parts(s, docs[i], r.part)
		r.refers(s, docs[i])
	}
	large := map[string]any{}
	for digest, data := range c.Large {
		doc, err := decode(data)
		if err != nil {
			return err
		}
		large[digest] = r.part(resultsRoot, r.stepOf[digest], doc)
	}
	scrub := r.scrubber()
	for i := range c.Events {
		e := &c.Events[i]
		e.Source, e.Text = scrub.Replace(e.Source), scrub.Replace(e.Text)
		if e.Rerun != nil { // shared with the history that the case was made of
			e.Rerun = &events.Rerun{Of: e.Rerun.Of, Reason: scrub.Replace(e.Rerun.Reason)}
		}
		if e.Data != nil {
			s, _ := events.Parse(e.Subject) // as before
			e.Data = encode(scrubbedEvent(s, docs[i], scrub))
		}
	}
	for digest, doc := range large {
		c.Large[digest] = encode(scrubbed(doc, scrub))
	}
	return nil
}

// ours are the keys whose values the protocol reads: a task that says "nothing" or
// "retry" must not change what an event says.
var ours = []string{"agent", "after", "as", "cause", "chain", "class", "found", "from", "left", "next", "outcome", "result_ref", "result_refs", "step", "then", "to", "trigger"}

// scrubbedEvent is an event's data in which nothing says what was taken out.
func scrubbedEvent(s events.Subject, data any, scrub *strings.Replacer) any {
	m, ok := data.(map[string]any)
	if s.Kind == events.Submitted || !ok {
		return scrubbed(data, scrub)
	}
	parts(s, data, func(_, _ string, doc any) any { return scrubbed(doc, scrub) })
	for k, v := range m {
		turn := k == "reason" && (s.Kind == events.Unwinding || s.Kind == events.Compensate) // one of four
		if !turn && !slices.Contains(ours, k) {
			m[k] = leaves(v, func(v any) any {
				if text, ok := v.(string); ok {
					return scrub.Replace(text)
				}
				return v
			})
		}
	}
	return data
}

// scrubbed is a document in which no text says what was taken out, and no key does.
func scrubbed(doc any, scrub *strings.Replacer) any {
	switch v := doc.(type) {
	case string:
		return scrub.Replace(v)
	case []any:
		for i, old := range v {
			v[i] = scrubbed(old, scrub)
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for k, old := range v {
			clean[scrub.Replace(k)] = scrubbed(old, scrub)
		}
		return clean
	}
	return doc
}

// A redaction is what is to be taken out of one case, and what was.
type redaction struct {
	paths  []path
	names  map[string]string // by the text that it stands for
	hits   map[string]int    // by path
	stepOf map[string]string // by the digest of its result
}

// parts changes in an event's data each part that was copied from a document.
func parts(s events.Subject, data any, change func(root, step string, doc any) any) any {
	if s.Kind == events.Submitted {
		return change(taskRoot, "", data)
	}
	in := func(doc any, key string, f func(any) any) {
		if m, ok := doc.(map[string]any); ok && m[key] != nil {
			m[key] = f(m[key])
		}
	}
	of := func(root, step string) func(any) any {
		return func(v any) any { return change(root, step, v) }
	}
	each := func(v any) any { // results by step
		if m, ok := v.(map[string]any); ok {
			for step := range m {
				m[step] = change(resultsRoot, step, m[step])
			}
		}
		return v
	}
	in(data, "undo", of(undoRoot, s.Step))
	switch s.Kind {
	case events.Completed, events.Skipped:
		in(data, "result", of(resultsRoot, s.Step))
		in(data, "context", func(v any) any {
			in(v, "task", of(taskRoot, ""))
			in(v, "results", each)
			return v
		})
	case events.Answered:
		in(data, "data", of(resultsRoot, s.Step))
		in(data, "reason", of(errorsRoot, ""))
	case events.SagaCompleted:
		in(data, "result", each)
	}
	in(data, "error", func(v any) any { in(v, "message", of(errorsRoot, "")); return v })
	in(data, "raw", func(v any) any { in(v, "text", of(errorsRoot, "")); return v })
	return data
}

// refers remembers which step's result lies elsewhere.
func (r *redaction) refers(s events.Subject, data any) {
	m, _ := data.(map[string]any)
	if ref, ok := m["result_ref"].(map[string]any); ok && s.Kind == events.Completed {
		r.stepOf[fmt.Sprint(ref["digest"])] = s.Step
	}
}

// part takes out of a document what the paths name.
func (r *redaction) part(root, step string, doc any) any {
	for _, p := range r.paths {
		if p.of(root, step) {
			doc = change(doc, p.keys, func(v any) any {
				r.hits[p.text]++
				return leaves(v, r.stand)
			})
		}
	}
	return doc
}

// bare takes out a task that is no JSON.
func (r *redaction) bare(e *Record) {
	for _, p := range r.paths {
		if p.root == taskRoot && len(p.keys) == 0 {
			r.hits[p.text]++
			e.Text, e.Base64 = "redacted", ""
		}
	}
}

// stand returns what stands in the place of a value.
func (r *redaction) stand(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" || strings.HasPrefix(v, standIn) {
			return v
		}
		if r.names[v] == "" {
			r.names[v] = standIn + strconv.Itoa(len(r.names)+1)
		}
		return r.names[v]
	case json.Number:
		return json.Number("0")
	case bool:
		return false
	default:
		return v
	}
}

// scrubber finds what was taken out, the longest first.
func (r *redaction) scrubber() *strings.Replacer {
	var pairs []string
	for _, text := range slices.SortedFunc(maps.Keys(r.names), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	}) {
		if len([]rune(text)) >= telling {
			pairs = append(pairs, text, r.names[text])
		}
	}
	return strings.NewReplacer(pairs...)
}

// decode reads JSON without losing a digit of a number.
func decode(data json.RawMessage) (v any, err error) {
	if data == nil {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// encode writes what decode read.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // it was JSON before
	return bytes.TrimSpace(b.Bytes())
}
