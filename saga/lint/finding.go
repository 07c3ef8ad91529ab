package lint

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/config"
)

// A Severity says how bad it is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // the saga can't end as it should
	Warning Severity = "warning" // it may surprise
	Note    Severity = "note"    // fine, if it is meant
)

func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Note}, s) }

// A Code names a rule, for programs. Codes are never renamed.
type Code string

// The rules.
const (
	DuplicateAgent   Code = "duplicate-agent"    // two files are one agent
	NoPrimary        Code = "no-primary"         // only stand-ins play a step
	TwoPrimaries     Code = "two-primaries"      // two agents begin a step by themselves
	UnknownStep      Code = "unknown-step"       // a step is followed that nobody plays
	Cycle            Code = "cycle"              // steps wait for each other
	NoFinal          Code = "no-final"           // no step is final
	ManyFinals       Code = "many-finals"        // more than one is
	AfterFinal       Code = "after-final"        // a step follows the final one
	LooseStep        Code = "loose-step"         // the final step does not wait for a step
	UnknownAgent     Code = "unknown-agent"      // a chain names an agent that is not there
	FallbackElse     Code = "fallback-elsewhere" // a chain names an agent of another step
	FinalDiffers     Code = "final-differs"      // primary and stand-in disagree on final
	PivotDiffers     Code = "pivot-differs"      // primary and stand-in disagree on the pivot
	RefusalAfter     Code = "refusal-after"      // what can be refused follows the pivot
	DeadlinesDiffer  Code = "deadlines-differ"   // agents of a type disagree on the deadline
	LongHistory      Code = "long-history"       // a history may outgrow what is read at once
	UnknownResult    Code = "unknown-result"     // a condition reads a result that never is there
	IdleStandIn      Code = "idle-stand-in"      // nobody hands over to a stand-in
	ShortDeadline    Code = "short-deadline"     // the deadline may come while it is still being tried
	RefusalBeside    Code = "refusal-beside"     // what can be refused runs beside the pivot
	ResultsDiffer    Code = "results-differ"     // primary and stand-in promise different results
	UnguardedResult  Code = "unguarded-result"   // a condition reads a result that may be missing
	SeveralEntries   Code = "several-entries"    // several steps begin with the task
	SlowRail         Code = "slow-rail"          // a limit or a breaker holds longer than a saga lives
	BreakerAlone     Code = "breaker-alone"      // nobody takes over when a breaker is open
	NoUndo           Code = "no-undo"            // nobody said how to undo a step
	UncheckedResults Code = "unchecked-results"  // results are read that no schema checks
)

var severities = map[Code]Severity{
	DuplicateAgent: Error, NoPrimary: Error, TwoPrimaries: Error, UnknownStep: Error, Cycle: Error,
	NoFinal: Error, ManyFinals: Error, AfterFinal: Error, LooseStep: Error, UnknownAgent: Error,
	FallbackElse: Error, FinalDiffers: Error, PivotDiffers: Error, RefusalAfter: Error, DeadlinesDiffer: Error, LongHistory: Error,
	UnknownResult: Error,
	IdleStandIn:   Warning, RefusalBeside: Warning, ShortDeadline: Warning, ResultsDiffer: Warning, SlowRail: Warning, UnguardedResult: Warning,
	SeveralEntries: Note, NoUndo: Note, UncheckedResults: Note, BreakerAlone: Note,
}

// A Finding is one thing that several agents together get wrong, or that is
// worth knowing.
type Finding struct {
	Severity Severity
	Code     Code
	Saga     string       // the saga type
	Place    config.Place // zero when it is about the whole type, or the Config was built in Go
	Text     string       // what would go wrong at run time
	Hint     string       // what to change
}

// String prints the finding as compilers do, with its hint on a second line.
func (f Finding) String() string {
	var b strings.Builder
	if place := f.Place.String(); place != "" {
		b.WriteString(place + ": ")
	}
	b.WriteString(string(f.Severity) + ": " + f.Text + " [" + string(f.Code) + "]")
	if f.Hint != "" {
		b.WriteString("\n    hint: " + f.Hint)
	}
	return b.String()
}

// compare orders findings by type, severity, place and rule.
func compare(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.Saga, b.Saga),
		cmp.Compare(a.Severity.rank(), b.Severity.rank()),
		cmp.Compare(a.Place.File, b.Place.File),
		cmp.Compare(a.Place.Line, b.Place.Line),
		cmp.Compare(a.Place.Column, b.Place.Column),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Text, b.Text),
	)
}

// Codes lists all rules, by name.
func Codes() []Code { return slices.Sorted(maps.Keys(severities)) }
