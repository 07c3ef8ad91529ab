package casefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

var errNoEvents = errors.New("there are no events")

// Load reads a file that holds one case.
func Load(path string) (*Case, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load case: %w", err)
	}
	defer f.Close()
	var only *Case
	err = Each(f, func(c *Case) error {
		if only != nil {
			return errors.New("it holds more than one case\nhint: `head -n 1` takes the first of JSON lines")
		}
		only = c
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("load case %s: %w", path, err)
	case only == nil:
		return nil, fmt.Errorf("load case %s: it is empty", path)
	}
	return only, nil
}

// Each reads cases one after the other, holding one at a time, until there are
// no more or see returns an error, which it returns.
func Each(r io.Reader, see func(*Case) error) error {
	d := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	for n := 1; ; n++ {
		c := new(Case)
		err := d.Decode(c)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			c.compact()
			err = c.check()
		}
		if err != nil {
			return fmt.Errorf("read case %d: %w", n, err)
		}
		if err := see(c); err != nil {
			return err
		}
	}
}

// compact takes the blanks out of what was indented: data has a size that counts.
func (c *Case) compact() {
	dense := func(text json.RawMessage) json.RawMessage {
		var b bytes.Buffer
		if text == nil || json.Compact(&b, text) != nil {
			return text
		}
		return b.Bytes()
	}
	for i := range c.Events {
		c.Events[i].Data = dense(c.Events[i].Data)
	}
	for digest := range c.Large {
		c.Large[digest] = dense(c.Large[digest])
	}
}

// check says why an object is no case that can be read.
func (c *Case) check() error {
	switch {
	case c.Version == 0:
		return errors.New("it is no case: unwind_case is missing\nhint: `unwind saga export` writes one")
	case c.Version > Version:
		return fmt.Errorf("it has version %d, and this program reads up to %d\nhint: a newer one reads it", c.Version, Version)
	case len(c.Events) == 0:
		return errNoEvents
	}
	_, err := c.History()
	return err
}

// Write writes the case, indented for people and for version control.
func (c *Case) Write(w io.Writer) error { return c.encode(w, "  ") }

// WriteLine writes the case on one line.
func (c *Case) WriteLine(w io.Writer) error { return c.encode(w, "") }

func (c *Case) encode(w io.Writer, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(c); err != nil {
		return c.wrong("write: %w", err)
	}
	return nil
}
