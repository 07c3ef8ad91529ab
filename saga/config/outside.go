package config

import (
	"fmt"
	"net/url"

	"go.yaml.in/yaml/v4"
)

// An Outside is a program in any language that an agent's work is done by. It has an
// address, or is started for each call.
type Outside struct {
	HTTP string   // the URL to which a call is posted
	Exec []string // the program that is started for a call, and its arguments

	// Start is the program behind HTTP: the agent starts it and keeps it alive. Empty:
	// it is started elsewhere.
	Start []string
}

// OutsideHandler is the compensation handler of an agent whose compensation is
// outside.
const OutsideHandler = "outside"

func (d *decoder) outside(into **Outside) field {
	return func(path string, n *yaml.Node) {
		*into = &Outside{}
		d.mapping(d.program(*into))(path, n)
	}
}

func (d *decoder) program(o *Outside) map[string]field {
	return map[string]field{
		"http":  d.text(&o.HTTP),
		"exec":  d.texts(&o.Exec),
		"start": d.texts(&o.Start),
	}
}

// checkOutside tells each rule about programs outside that a Config breaks.
func (c Config) checkOutside(tell func(text string, paths ...string)) {
	c.Handler.check("handler", tell)
	c.Compensation.check("compensation", tell)
	if c.Compensation == nil {
		if c.Handler != nil && c.CompensationHandler != "" && c.CompensationHandler != NoCompensation {
			tell("names a function of a Go program, but the work is done by the handler: say compensation, or "+NoCompensation, "compensation_handler")
		}
		return
	}
	if c.Handler == nil {
		tell("is without a handler: both are outside, or neither", "compensation")
	}
	if c.CompensationHandler != "" && c.CompensationHandler != OutsideHandler {
		tell("what undoes is named twice: leave out compensation_handler", "compensation", "compensation_handler")
	}
	if len(c.Compensation.Start) > 0 {
		tell("one program is started, by the handler", "compensation.start")
	}
}

func (o *Outside) check(at string, tell func(text string, paths ...string)) {
	if o == nil {
		return
	}
	switch {
	case o.HTTP == "" && len(o.Exec) == 0:
		tell("names no program: http or exec", at)
	case o.HTTP != "" && len(o.Exec) > 0:
		tell("names two programs: http or exec", at+".exec")
	case len(o.Start) > 0 && o.HTTP == "":
		tell("is for a program that answers over http: exec is started for each call", at+".start")
	}
	if o.HTTP != "" {
		u, err := url.Parse(o.HTTP)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			tell(fmt.Sprintf("must be the URL of a program, such as http://127.0.0.1:8080/perform, is %q", o.HTTP), at+".http")
		}
	}
	for _, list := range []struct {
		words []string
		path  string
	}{{o.Exec, at + ".exec"}, {o.Start, at + ".start"}} {
		if len(list.words) > 0 && list.words[0] == "" {
			tell("is empty: it must be a program", list.path+"[0]")
		}
	}
}
