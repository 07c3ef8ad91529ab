package config

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// A fault is one thing that is wrong with a JSON value.
type fault struct {
	at   []string // the tokens of its JSON pointer
	text string
}

type faults []fault

// mostFaults is how many are told; whoever sent a thousand needs not all.
const mostFaults = 8

func (f faults) Error() string {
	var parts []string
	for _, one := range f[:min(len(f), mostFaults)] {
		parts = append(parts, pointer(one.at)+": "+one.text)
	}
	if more := len(f) - mostFaults; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// pointer prints a JSON pointer; the whole value is "/".
func pointer(tokens []string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString("/" + clip(strings.NewReplacer("~", "~0", "/", "~1").Replace(token)))
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// clip shortens what others named, for it ends up in errors.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}

// faultsOf collects what is wrong at the leaves, in a stable order.
func faultsOf(e *jsonschema.ValidationError) faults {
	var found faults
	var visit func(e *jsonschema.ValidationError)
	visit = func(e *jsonschema.ValidationError) {
		switch e.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf:
			if len(e.Causes) > 0 {
				// The leaves contradict each other; none of them alone is wanted.
				found = append(found, fault{e.InstanceLocation, "fits none of the alternatives: " + alternatives(e)})
				return
			}
		}
		if len(e.Causes) == 0 {
			found = append(found, fault{e.InstanceLocation, clip(say(e.ErrorKind))})
		}
		for _, cause := range e.Causes {
			visit(cause)
		}
	}
	visit(e)
	slices.SortStableFunc(found, func(a, b fault) int {
		if at := slices.Compare(a.at, b.at); at != 0 {
			return at
		}
		return strings.Compare(a.text, b.text)
	})
	return found
}

// alternatives says why each of several schemas does not fit.
func alternatives(e *jsonschema.ValidationError) string {
	var parts []string
	for _, cause := range e.Causes {
		whole := pointer(e.InstanceLocation) + ": " // it has been said
		parts = append(parts, strings.ReplaceAll(faultsOf(cause).Error(), whole, ""))
	}
	return clip(strings.Join(parts, " | "))
}

var printer = message.NewPrinter(language.English)

// say says what is wrong without quoting the value.
func say(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Pattern:
		return fmt.Sprintf("does not match the pattern %s", k.Want)
	case *kind.Format:
		return fmt.Sprintf("is not a valid %s", k.Want)
	case *kind.Minimum:
		return "minimum: want " + number(k.Want)
	case *kind.Maximum:
		return "maximum: want " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "exclusiveMinimum: want more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "exclusiveMaximum: want less than " + number(k.Want)
	case *kind.MultipleOf:
		return "multipleOf: want " + number(k.Want)
	default:
		return k.LocalizedString(printer)
	}
}

func number(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
