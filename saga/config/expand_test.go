package config

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for name, test := range map[string]struct{ text, want, problem string }{
		"nothing":                {"a $b {c}", "a $b {c}", ""},
		"a variable":             {"${N}", "7", ""},
		"in the middle":          {"a${N}b${N}", "a7b7", ""},
		"set but empty":          {"<${EMPTY}>", "<>", ""},
		"default when unset":     {"${X:-d}", "d", ""},
		"default when empty":     {"${EMPTY:-d}", "d", ""},
		"no default when set":    {"${N:-d}", "7", ""},
		"an empty default":       {"<${X:-}>", "<>", ""},
		"a default with colons":  {"${X:-nats://h:4222}", "nats://h:4222", ""},
		"escaped":                {"$${N}", "${N}", ""},
		"escaped after a dollar": {"$$${N}", "$${N}", ""},
		"escaped, then real":     {"$${N}${N}", "${N}7", ""},
		"not read twice":         {"${X:-$}{N}", "${N}", ""},
		"unset":                  {"a ${X} b", "a ${X} b", "variable X is not set"},
		"no name":                {"${}", "${}", "want ${NAME}"},
		"another shell's":        {"${X:?no}", "${X:?no}", "want ${NAME}"},
		"not closed":             {"a${N", "a${N", "without a }"},
		"nested":                 {"${X:-${N}}", "${X:-${N}}", "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := expand(test.text, env)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if told := strings.Join(problems, "; "); (told == "") != (test.problem == "") || !strings.Contains(told, test.problem) {
				t.Errorf("told %q, want %q", told, test.problem)
			}
		})
	}
}

func TestVariablesHaveTheTypeThatYAMLGivesThem(t *testing.T) {
	for name, test := range map[string]struct {
		value string
		want  any
	}{
		"number":              {"${N}", 7},
		"default number":      {"${X:-1.5}", 1.5},
		"truth":               {"${YES}", true},
		"quoted":              {`"${N}"`, "7"},
		"a longer text":       {"n${N}", "n7"},
		"a number of two":     {"${N}${N}", 77},
		"nothing":             {"${EMPTY}", nil},
		"no list":             {"${LIST}", "[a, b]"},
		"no mapping":          {"${COLON}", "a: b"},
		"no comment":          {"${HASH}", "5 #b"},
		"in a block":          {"|\n    ${N}\n", "7\n"},
		"with a tag":          {"!!str ${N}", "7"},
		"a key is left alone": {"{'${N}': 1}", map[string]any{"${N}": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			c := parse(t, "agent: a\nsaga: s\nsettings:\n  v: "+test.value+"\n")
			var got struct{ V any }
			if err := c.Settings(&got); err != nil {
				t.Fatal(err)
			}
			if m, ok := test.want.(map[string]any); ok {
				for k, v := range m {
					if got.V.(map[string]any)[k] != v {
						t.Errorf("got %#v, want %#v", got.V, test.want)
					}
				}
				return
			}
			if got.V != test.want {
				t.Errorf("got %#v, want %#v", got.V, test.want)
			}
		})
	}
	if c := parse(t, "agent: a\nsaga: s # ${COMMENT}\nconcurrency: ${N}\nfinal: ${YES}\n"); c.Concurrency != 7 || !c.Final {
		t.Errorf("got %d and %v", c.Concurrency, c.Final)
	}
}
