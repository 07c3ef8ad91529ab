package config

import (
	"fmt"
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${NAME:-default}, and $${ by ${. What is wrong is
// left as it stands, and told.
func expand(text string, lookup func(string) (string, bool)) (expanded string, problems []string) {
	var out strings.Builder
	for text != "" {
		start := strings.Index(text, "${")
		if start < 0 {
			break
		}
		if start > 0 && text[start-1] == '$' {
			out.WriteString(text[:start-1] + "${")
			text = text[start+2:]
			continue
		}
		out.WriteString(text[:start])
		reference, rest, closed := strings.Cut(text[start:], "}")
		if !closed {
			problems = append(problems, "${ without a }: write $${ for the characters themselves")
			text = text[start:]
			break
		}
		text = rest
		value, problem := resolve(reference[len("${"):], lookup)
		if problem != "" {
			problems = append(problems, problem)
			value = reference + "}"
		}
		out.WriteString(value)
	}
	return out.String() + text, problems
}

// resolve looks up what stands between the braces.
func resolve(reference string, lookup func(string) (string, bool)) (value, problem string) {
	name, fallback, hasFallback := strings.Cut(reference, ":-")
	switch {
	case strings.Contains(reference, "${"):
		return "", fmt.Sprintf("${%s}: a variable in a variable's default is not supported", reference)
	case !variableName.MatchString(name):
		return "", fmt.Sprintf("${%s}: want ${NAME} or ${NAME:-default}, or $${ for the characters themselves", reference)
	}
	value, set := lookup(name)
	switch {
	case hasFallback && value == "":
		return fallback, ""
	case !set:
		return "", fmt.Sprintf("variable %s is not set: set it, or give a default as in ${%s:-value}", name, name)
	}
	return value, ""
}
