package events

import "fmt"

// ValidName checks the name of a saga type, a step or an agent: what says
// which, for the error.
func ValidName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s: the name is empty", what)
	case len(name) > 63:
		return fmt.Errorf("%s %q: the name has %d characters, 63 are allowed", what, name, len(name))
	case name[0] < 'a' || name[0] > 'z':
		return fmt.Errorf("%s %q: the name must begin with a letter a-z", what, name)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("%s %q: %q is not allowed, only a-z, 0-9 and -", what, name, c)
		}
	}
	return nil
}

// ValidStep checks the name of a step: "task" and "saga" are taken.
func ValidStep(name string) error { return unreserved("step", name) }

// ValidAgent checks the name of an agent. "task" and "saga" are taken here
// too: timers are addressed to an agent or to the whole saga.
func ValidAgent(name string) error { return unreserved("agent", name) }

func unreserved(what, name string) error {
	if name == taskStep || name == sagaStep {
		return fmt.Errorf("%s %q: the name is reserved", what, name)
	}
	return ValidName(what, name)
}

// ValidID checks the id of a saga.
func ValidID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("saga id: it is empty")
	case len(id) > 64:
		return fmt.Errorf("saga id %q: it has %d characters, 64 are allowed", id, len(id))
	}
	for _, c := range id {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fmt.Errorf("saga id %q: %q is not allowed, only A-Z, a-z, 0-9, _ and -", id, c)
		}
	}
	return nil
}
