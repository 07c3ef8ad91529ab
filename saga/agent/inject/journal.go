package inject

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// A Journal notes the faults that were met, by many processes in one file.
type Journal struct{ file *os.File }

// A Note is one fault that was met.
type Note struct {
	Kind    Kind   `json:"kind"`
	Saga    string `json:"saga"`
	Step    string `json:"step"`
	Agent   string `json:"agent"`
	Undoing bool   `json:"undoing,omitempty"`
	N       int    `json:"n"`
}

// OpenJournal opens the file, and makes it if need be.
func OpenJournal(path string) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	return &Journal{file}, nil
}

// Note notes a fault that a call is about to meet: a process that is killed can't
// do it later. A line is one write, so that those of many processes don't mix.
func (j *Journal) Note(c Call, k Kind) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(Note{Kind: k, Saga: c.Saga, Step: c.Step, Agent: c.Agent, Undoing: c.Undoing, N: c.N})
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// ReadJournal reads all notes. A file that is not there has none.
func ReadJournal(path string) ([]Note, error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var list []Note
	for lines := bufio.NewScanner(file); ; {
		if !lines.Scan() {
			return list, lines.Err()
		}
		var n Note
		if err := json.Unmarshal(lines.Bytes(), &n); err != nil {
			return nil, fmt.Errorf("read the journal %s: %w", path, err)
		}
		list = append(list, n)
	}
}
