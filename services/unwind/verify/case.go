package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/drill"
)

// A Case is what an agent is tried with: a verify.yaml beside its agent.yaml
// (<name>.verify.yaml beside <name>.agent.yaml). Without one, the agent has to
// complete the task {}.
//
//	completes:                       # a task that the agent completes
//	  task: {"from": "BER"}          # or the name of a file, or, without one, the world's first
//	  results: {quote: quote.json}   # what the steps before it answered
//	refuses: {task: bad.json}        # one that it refuses
//	fails: {task: down.json}         # one at which it fails each time, with an error that may pass
//	world: ../drill                  # a program that counts effects, as for `unwind drill`: the Go
//	                                 # program in a folder, or [a, command]
//	env: {KYC_LEASE: 2s}             # of the agent
//
// A value is JSON written as YAML. A text that ends with .json is a file beside
// the agent's. Wherever {{n}} stands in a value, each saga has a number of its own:
// for what can be taken only once. A variable {{port}} is a free port, another one for
// each process of the agent, and {{folder}} a folder that is gone afterwards.
type Case struct {
	Completes *Matter           `yaml:"completes"`
	Refuses   *Matter           `yaml:"refuses"`
	Fails     *Matter           `yaml:"fails"`
	World     any               `yaml:"world"`
	Env       map[string]string `yaml:"env"`
}

// A Matter is a task, and what the steps before the agent answered. Where the agent
// leaves its outcome to somebody outside, answer is what the verifier says in their
// place: the data of the outcome completed.
type Matter struct {
	Task    any            `yaml:"task"`
	Results map[string]any `yaml:"results"`
	Answer  any            `yaml:"answer"`

	answer  json.RawMessage
	task    json.RawMessage
	results map[string]json.RawMessage
}

// A Subject is an agent under trial.
type Subject struct {
	Program dev.Program
	Case    Case
	file    string       // of the case; empty where there is none
	world   *dev.Program // that looks at the effects; nil where there is none
}

// Load reads an agent's file and the case beside it, or the one that is named.
func Load(file, caseFile string) (Subject, error) {
	s := Subject{file: caseFile}
	var err error
	named := caseFile != ""
	if !named {
		s.file = caseBeside(file)
	}
	if _, gone := os.Stat(s.file); errors.Is(gone, os.ErrNotExist) && !named {
		s.file = ""
	} else if _, err := config.ReadFile(s.file, &s.Case); err != nil {
		return s, err
	}
	// What the case says of the environment holds for the agent's file too.
	text, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("load agent configuration: %w", err)
	}
	cfg, err := config.Parse(file, text, func(name string) (string, bool) {
		if value, ok := s.Case.Env[name]; ok {
			return strings.NewReplacer(port, "1", folder, os.TempDir()).Replace(value), true
		}
		return os.LookupEnv(name)
	})
	if err != nil {
		return s, err
	}
	s.Program = dev.Program{Config: cfg, File: file}
	if s.world, err = s.Case.program(file); err != nil {
		return s, fmt.Errorf("read %s: %w", s.file, err)
	}
	if s.Case.Completes == nil {
		s.Case.Completes = &Matter{}
	}
	for name, m := range map[string]*Matter{"completes": s.Case.Completes, "refuses": s.Case.Refuses, "fails": s.Case.Fails} {
		if err := m.load(filepath.Dir(file)); err != nil {
			return s, fmt.Errorf("read the task that %q names in %s: %w", name, s.file, err)
		}
	}
	return s, nil
}

// What may stand in a variable: a free port, and a folder of the run.
const (
	port   = "{{port}}"
	folder = "{{folder}}"
)

// env is the environment of one process of the agent.
func (c Case) env(in string) ([]string, error) {
	var list []string
	for name, value := range c.Env {
		value = strings.ReplaceAll(value, folder, in)
		if strings.Contains(value, port) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, fmt.Errorf("find a free port: %w", err)
			}
			_, free, err := net.SplitHostPort(l.Addr().String())
			if err := errors.Join(err, l.Close()); err != nil {
				return nil, fmt.Errorf("find a free port: %w", err)
			}
			value = strings.ReplaceAll(value, port, free)
		}
		list = append(list, name+"="+value)
	}
	return list, nil
}

func caseBeside(file string) string {
	dir, name := filepath.Split(file)
	return filepath.Join(dir, strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), "agent")+"verify.yaml")
}

func (m *Matter) load(dir string) (err error) {
	if m == nil {
		return nil
	}
	if m.Task != nil {
		if m.task, err = value(dir, m.Task); err != nil {
			return err
		}
	}
	if m.Answer != nil {
		if m.answer, err = value(dir, m.Answer); err != nil {
			return err
		}
	}
	m.results = map[string]json.RawMessage{}
	for step, v := range m.Results {
		if m.results[step], err = value(dir, v); err != nil {
			return err
		}
	}
	return nil
}

// value is a JSON value that was written as YAML, or is in a file.
func value(dir string, v any) (json.RawMessage, error) {
	name, ok := v.(string)
	if !ok || !strings.HasSuffix(name, ".json") {
		return json.Marshal(v)
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("%s is not JSON", name)
	}
	return text, nil
}

// program is the one that looks at the world: in a folder, or by its command.
func (c Case) program(file string) (*dev.Program, error) {
	p := dev.Program{Config: config.Config{Agent: "world"}, File: file}
	switch w := c.World.(type) {
	case nil:
		return nil, nil
	case string:
		p.File = filepath.Join(filepath.Dir(file), w, drill.File)
		return &p, nil
	case []any:
		for _, word := range w {
			p.Config.Command = append(p.Config.Command, fmt.Sprint(word))
		}
		if len(p.Config.Command) > 0 {
			return &p, nil
		}
	}
	return nil, errors.New("world: want the folder of a Go program, or a command as a list")
}
