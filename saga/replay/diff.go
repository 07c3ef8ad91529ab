package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A Change is one place at which two JSON documents differ.
type Change struct {
	Path string          `json:"path"`          // a JSON pointer
	Was  json.RawMessage `json:"was,omitempty"` // absent: there was nothing
	Now  json.RawMessage `json:"now,omitempty"`
}

func (c Change) String() string {
	path := c.Path
	if path == "" {
		path = "/"
	}
	switch {
	case c.Was == nil:
		return fmt.Sprintf("%s is %s, and was not there", path, brief(c.Now))
	case c.Now == nil:
		return fmt.Sprintf("%s is not there, and was %s", path, brief(c.Was))
	default:
		return fmt.Sprintf("%s is %s, was %s", path, brief(c.Now), brief(c.Was))
	}
}

// brief cuts a value that is long.
func brief(v json.RawMessage) string {
	const most = 120
	if len(v) <= most {
		return string(v)
	}
	return strings.ToValidUTF8(string(v[:most]), "") + " ..."
}

// Ignoring are places at which documents may differ: JSON pointers, in which a *
// stands for every key. What is below such a place may differ too.
type Ignoring []string

// ParseIgnoring checks places that a person wrote. /score and score are the same.
func ParseIgnoring(places []string) (Ignoring, error) {
	var list Ignoring
	for _, text := range places {
		if !strings.HasPrefix(text, "/") {
			text = "/" + strings.ReplaceAll(strings.TrimPrefix(text, "."), ".", "/")
		}
		if text == "/" || strings.Contains(text, "//") || strings.HasSuffix(text, "/") {
			return nil, fmt.Errorf("ignore %q: want a JSON pointer into the result, such as /score or /faces/*/at", text)
		}
		list = append(list, text)
	}
	return list, nil
}

func (list Ignoring) has(at []string) bool {
	return slices.ContainsFunc(list, func(text string) bool {
		keys := strings.Split(strings.TrimPrefix(text, "/"), "/")
		if len(keys) > len(at) {
			return false
		}
		for i, k := range keys {
			if k != "*" && k != escaped(at[i]) {
				return false
			}
		}
		return true
	})
}

// escaped is a key as RFC 6901 writes it.
func escaped(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// Diff compares two JSON documents, numbers by their value and objects whatever the
// order of their keys. Lists are compared place by place.
func Diff(was, now json.RawMessage, ignore Ignoring) []Change {
	d := differ{ignore: ignore}
	d.compare(nil, parsed(was), parsed(now))
	return d.changes
}

// absent is a value that is not there, which is not null.
type absent struct{}

func parsed(text json.RawMessage) (v any) {
	if len(text) == 0 {
		return absent{}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return string(text)
	}
	return v
}

type differ struct {
	ignore  Ignoring
	changes []Change
}

func (d *differ) compare(at []string, was, now any) {
	if len(at) > 0 && d.ignore.has(at) {
		return
	}
	switch a := was.(type) {
	case map[string]any:
		if b, ok := now.(map[string]any); ok {
			keys := slices.Collect(maps.Keys(a))
			for k := range b {
				if _, both := a[k]; !both {
					keys = append(keys, k)
				}
			}
			slices.Sort(keys)
			for _, k := range keys {
				d.compare(append(at[:len(at):len(at)], k), member(a, k), member(b, k))
			}
			return
		}
	case []any:
		if b, ok := now.([]any); ok {
			for i := range max(len(a), len(b)) {
				d.compare(append(at[:len(at):len(at)], strconv.Itoa(i)), element(a, i), element(b, i))
			}
			return
		}
	case json.Number:
		if b, ok := now.(json.Number); ok && equal(a, b) {
			return
		}
	default:
		if was == now {
			return
		}
	}
	c := Change{Was: written(was), Now: written(now)}
	for _, k := range at {
		c.Path += "/" + escaped(k)
	}
	d.changes = append(d.changes, c)
}

func member(m map[string]any, k string) any {
	if v, ok := m[k]; ok {
		return v
	}
	return absent{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// longest is the exponent up to which numbers are compared by value: a larger one
// would take memory without end.
const longest = 400

func equal(a, b json.Number) bool {
	if a == b {
		return true
	}
	for _, n := range []json.Number{a, b} {
		if _, exponent, ok := strings.Cut(strings.ToLower(string(n)), "e"); ok {
			if e, err := strconv.Atoi(exponent); err != nil || e > longest || e < -longest {
				return false
			}
		}
	}
	x, ok := new(big.Rat).SetString(string(a))
	y, fine := new(big.Rat).SetString(string(b))
	return ok && fine && x.Cmp(y) == 0
}

func written(v any) json.RawMessage {
	if _, nothing := v.(absent); nothing {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}
