package screening

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// List is a sanctions list, ready to be searched.
type List struct {
	entries []Entry
	names   []listed
}

// Entry is one person on the list.
type Entry struct {
	Number  string   `json:"number"`  // ent_num, unique on the list
	Name    string   `json:"name"`    // as the list writes it: "MORIARTY, James"
	Aliases []string `json:"aliases"` // alt_name
	Program string   `json:"program"` // "[UTOPIA-CRIME]"
	Births  []Birth  `json:"births"`
	Remarks string   `json:"remarks"`
}

// listed is one spelling of one entry.
type listed struct {
	spelt
	entry int
	name  string
}

// Entries returns the people on the list, in the list's order.
func (l *List) Entries() []Entry { return l.entries }

var (
	//go:embed list/sdn.csv
	sdnFile []byte
	//go:embed list/alt.csv
	altFile []byte

	builtIn = sync.OnceValues(func() (*List, error) { return Read(bytes.NewReader(sdnFile), bytes.NewReader(altFile)) })
)

// Default is the compiled-in list of people who do not exist.
func Default() *List {
	l, err := builtIn()
	if err != nil {
		panic(err) // the files are compiled in and tested
	}
	return l
}

// The columns that are used, from 0.
const (
	sdnNumber, sdnName, sdnType, sdnProgram, sdnRemarks, sdnColumns = 0, 1, 2, 3, 11, 12
	altNumber, altName, altColumns                                  = 0, 3, 5
)

// Read reads a list from its two files; alt may be nil.
func Read(sdn, alt io.Reader) (*List, error) {
	var l List
	at := map[string]int{} // entry by number
	passed := map[string]bool{}
	err := rows(sdn, sdnColumns, func(row []string) error {
		number := row[sdnNumber]
		if _, twice := at[number]; twice || passed[number] {
			return fmt.Errorf("entry %s is there twice", number)
		}
		if row[sdnType] != "individual" {
			passed[number] = true
			return nil
		}
		at[number] = len(l.entries)
		births, err := parseBirths(row[sdnRemarks])
		if err != nil {
			return fmt.Errorf("entry %s: %w", number, err)
		}
		l.entries = append(l.entries, Entry{Number: number, Name: row[sdnName], Program: row[sdnProgram], Births: births, Remarks: row[sdnRemarks]})
		return l.add(at[number], row[sdnName])
	})
	if err != nil {
		return nil, fmt.Errorf("read sanctions list, main file: %w", err)
	}
	if alt == nil {
		return &l, nil
	}
	err = rows(alt, altColumns, func(row []string) error {
		i, ok := at[row[altNumber]]
		switch {
		case passed[row[altNumber]]:
			return nil
		case !ok:
			return fmt.Errorf("alias %q of entry %s, which does not exist", row[altName], row[altNumber])
		}
		l.entries[i].Aliases = append(l.entries[i].Aliases, row[altName])
		return l.add(i, row[altName])
	})
	if err != nil {
		return nil, fmt.Errorf("read sanctions list, alternate names: %w", err)
	}
	return &l, nil
}

// An entry that can never be hit is worse than a list that is refused.
func (l *List) add(entry int, name string) error {
	words := spellListed(name)
	if len(words) == 0 {
		return fmt.Errorf("entry %s: name %q has no letters", l.entries[entry].Number, name)
	}
	l.names = append(l.names, listed{whole(words), entry, name})
	return nil
}

func rows(r io.Reader, columns int, each func([]string) error) error {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(row) == 1 && strings.Trim(row[0], "\x1a ") == "" {
			continue // the files end with a control-Z
		}
		line, _ := c.FieldPos(0)
		if len(row) != columns {
			return fmt.Errorf("line %d: %d columns, want %d", line, len(row), columns)
		}
		for i := range row {
			if row[i] = strings.TrimSpace(row[i]); row[i] == "-0-" {
				row[i] = ""
			}
		}
		if err := each(row); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
