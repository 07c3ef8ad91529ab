package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// A decoder turns the tree of a file into a Config, and tells what does not
// have the form that its key wants. What a value means is judged by the rules.
type decoder struct{ *tree }

// A field decodes the value of one key.
type field func(path string, n *yaml.Node)

// fields is the one table of the keys of a file.
func (d *decoder) fields(c *Config) map[string]field {
	return map[string]field{
		"agent":                     d.text(&c.Agent),
		"saga":                      d.text(&c.Saga),
		"step":                      d.text(&c.Step),
		"after":                     d.texts(&c.After),
		"when":                      d.condition(&c.When),
		"stand_in":                  d.truth(&c.StandIn),
		"final":                     d.truth(&c.Final),
		"pivot":                     d.truth(&c.Pivot),
		"never_refuses":             d.truth(&c.NeverRefuses),
		"timeout":                   d.duration(&c.Timeout),
		"lease":                     d.duration(&c.Lease),
		"deadline":                  d.duration(&c.Deadline),
		"concurrency":               d.integer(&c.Concurrency),
		"retry_policy":              d.mapping(d.policy(&c.RetryPolicy)),
		"compensation_retry_policy": d.mapping(d.policy(&c.CompensationRetryPolicy)),
		"rate_limit":                d.rateLimit(&c.RateLimit),
		"circuit_breaker":           d.circuitBreaker(&c.CircuitBreaker),
		"retry_after_holds":         d.text(&c.RetryAfterHolds),
		"fallback_agents":           d.texts(&c.FallbackAgents),
		"compensation_handler":      d.text(&c.CompensationHandler),
		"max_takeovers":             d.integer(&c.MaxTakeovers),
		"task_schema":               d.schema(&c.TaskSchema),
		"result_schema":             d.schema(&c.ResultSchema),
		"handler":                   d.outside(&c.Handler),
		"compensation":              d.outside(&c.Compensation),
		"command":                   d.texts(&c.Command),
		"settings":                  d.free(&c.settings),
	}
}

func (d *decoder) policy(p *RetryPolicy) map[string]field {
	return map[string]field{
		"max_retries":        d.integer(&p.MaxRetries),
		"base_delay":         d.duration(&p.BaseDelay),
		"max_delay":          d.duration(&p.MaxDelay),
		"backoff_multiplier": d.number(&p.Multiplier),
		"jitter_ratio":       d.number(&p.Jitter),
	}
}

// wrong says that a value is not what its key wants.
func (d *decoder) wrong(path string, n *yaml.Node, want string) {
	d.mistake(d.place(n), path, "must be %s, is %s", want, d.show(n))
}

func (d *decoder) mapping(fields map[string]field) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			d.wrong(path, n, "a mapping of keys to values")
			return
		}
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := join(path, key.Value)
			decode, known := fields[key.Value]
			switch {
			case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || seen[key.Value]:
				// Told when the tree was read.
			case !known:
				d.mistake(d.place(key), at, "unknown key%s", didYouMean(key.Value, slices.Sorted(maps.Keys(fields))))
			case d.mistakes.touch(at) && value.Kind == yaml.ScalarNode, value.Kind == yaml.AliasNode:
				// A variable that is not set, or an alias: told already.
			case value.ShortTag() == "!!null":
				d.mistake(d.place(value), at, "has no value: give it one, or remove the key")
			default:
				decode(at, value)
			}
			seen[key.Value] = true
		}
	}
}

func (d *decoder) text(into *string) field {
	return func(path string, n *yaml.Node) {
		switch {
		case n.ShortTag() != "!!str" && n.Kind == yaml.ScalarNode:
			d.wrong(path, n, "text (in quotes)")
		case n.Kind != yaml.ScalarNode:
			d.wrong(path, n, "text")
		case n.Value == "":
			d.mistake(d.place(n), path, "is empty")
		default:
			*into = n.Value
		}
	}
}

func (d *decoder) texts(into *[]string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.wrong(path, n, "a list, such as [a, b]")
			return
		}
		*into = make([]string, len(n.Content))
		for i, item := range n.Content {
			if at := fmt.Sprintf("%s[%d]", path, i); !d.mistakes.touch(at) {
				d.text(&(*into)[i])(at, item)
			}
		}
	}
}

func (d *decoder) truth(into *bool) field {
	return func(path string, n *yaml.Node) {
		if n.ShortTag() != "!!bool" || n.Decode(into) != nil {
			d.wrong(path, n, "true or false")
		}
	}
}

func (d *decoder) integer(into *int) field {
	return func(path string, n *yaml.Node) {
		if n.ShortTag() != "!!int" || n.Decode(into) != nil {
			d.wrong(path, n, "a whole number")
		}
	}
}

func (d *decoder) number(into *float64) field {
	return func(path string, n *yaml.Node) {
		if tag := n.ShortTag(); tag != "!!int" && tag != "!!float" || n.Decode(into) != nil {
			d.wrong(path, n, "a number")
		}
	}
}

func (d *decoder) duration(into *time.Duration) field {
	return func(path string, n *yaml.Node) {
		if tag := n.ShortTag(); tag == "!!int" || tag == "!!float" {
			d.wrong(path, n, "a duration with its unit, such as 10s, 1m30s or 24h")
			return
		}
		v, err := time.ParseDuration(n.Value)
		if err != nil || n.Kind != yaml.ScalarNode {
			d.wrong(path, n, "a duration, such as 10s, 1m30s or 24h")
			return
		}
		*into = v
	}
}

// free keeps a mapping for the program.
func (d *decoder) free(into **yaml.Node) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			d.wrong(path, n, "a mapping of keys to values")
			return
		}
		*into = n
	}
}

// schema takes the path of a JSON Schema beside the agent's file, or the
// schema itself.
func (d *decoder) schema(into **Schema) field {
	return func(path string, n *yaml.Node) {
		var s *Schema
		var err error
		switch {
		case n.Kind == yaml.MappingNode:
			if d.mistakes.touch(path) {
				return
			}
			var doc any
			if doc, err = plain(n); err == nil {
				s, err = compile(d.file, doc)
			}
		case n.ShortTag() == "!!str" && n.Value != "":
			name := n.Value
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(d.file), name)
			}
			s, err = loadSchema(name)
		default:
			d.wrong(path, n, "the path of a JSON Schema, or a schema itself")
			return
		}
		if err != nil {
			d.unfit(path, n, err)
			return
		}
		*into = s
	}
}

// unfit tells what is wrong with a schema: each thing at its own place if the
// schema stands in this file.
func (d *decoder) unfit(path string, n *yaml.Node, err error) {
	faults, ok := errors.AsType[faults](err)
	if !ok || n.Kind != yaml.MappingNode {
		d.mistake(d.place(n), path, "%s", err)
		return
	}
	for _, f := range faults {
		at := follow(path, n, f.at)
		d.mistake(d.at(at), at, "%s", f.text)
	}
}

// follow leads a path along the tokens of a JSON pointer, as far as they go.
func follow(path string, n *yaml.Node, tokens []string) string {
	for _, token := range tokens {
		var next *yaml.Node
		switch n.Kind {
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
				path, next = fmt.Sprintf("%s[%d]", path, i), n.Content[i]
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == token {
					path, next = join(path, token), n.Content[i+1]
				}
			}
		}
		if next == nil {
			return path
		}
		n = next
	}
	return path
}
