package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/mod/semver"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

const (
	oldest = "v2.12.0"       // of servers that keep schedules
	skewed = 2 * time.Second // a difference between clocks that a person would notice
	full   = 0.8             // of the store's limit
	far    = 250 * time.Millisecond

	patience = 2 * time.Second // with one check
)

// A Config says what is looked at. The zero value looks at all that can be reached.
type Config struct {
	Types   []string // saga types; none: all that there are
	Monitor string   // a server's monitoring port, such as http://127.0.0.1:8222
}

// Examine makes all checks and tells each finding as it is made. Its own error is one
// of tell, or of a context that is done.
func Examine(ctx context.Context, log *broker.Log, c Config, tell func(Finding) error) error {
	e := examiner{log: log, config: c, tell: tell}
	types, err := e.site(ctx)
	if err != nil || types == nil {
		return err
	}
	for _, typ := range types {
		sound, err := e.streams(ctx, typ)
		if err == nil && sound {
			err = errors.Join(e.permission(ctx, typ), e.agents(ctx, typ))
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

type examiner struct {
	log    *broker.Log
	config Config
	tell   func(Finding) error
	clock  bool // was looked at
	timers bool // likewise: all types share that stream
}

func (e *examiner) of(check, typ string) finder { return finder{check, typ, e.tell} }

// site looks at the broker as a whole. Without types nothing more can be looked at.
func (e *examiner) site(ctx context.Context) (types []string, err error) {
	f := e.of("connection", "")
	s, err := e.log.Site(ctx)
	if err != nil {
		text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		return nil, f.find(Bad, hint, "%s", text)
	}
	level, hint := Well, ""
	if s.RTT > far {
		level, hint = Warning, "every step makes at least two round trips: put agents and broker closer together"
	}
	if err := f.find(level, hint, "%s, nats-server %s, answers in %s", where(s), s.Version, s.RTT.Round(10*time.Microsecond)); err != nil {
		return nil, err
	}
	if v := "v" + s.Version; semver.IsValid(v) && semver.Compare(v, oldest) < 0 {
		err = f.find(Bad, "update the server", "nats-server %s keeps no timers, at least %s is needed", s.Version, strings.TrimPrefix(oldest, "v"))
	}
	return e.types(ctx, errors.Join(err, e.store(s), e.sync(ctx)))
}

func where(s broker.Site) string {
	if s.Cluster != "" {
		return fmt.Sprintf("%s of cluster %s at %s", s.Server, s.Cluster, s.URL)
	}
	return s.Server + " at " + s.URL
}

// types finds what is to be looked at.
func (e *examiner) types(ctx context.Context, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	f := e.of("types", "")
	there, err := e.log.Types(ctx)
	if err != nil {
		return nil, f.find(Bad, "", "%v", err)
	}
	types := there
	if len(e.config.Types) > 0 {
		types = nil
		for _, typ := range e.config.Types {
			if slices.Contains(there, typ) {
				types = append(types, typ)
			} else if err := f.find(Bad, "a saga type is there once one of its agents has run; there are "+list(there), "there is no saga type %q", typ); err != nil {
				return nil, err
			}
		}
		return types, nil
	}
	if len(types) == 0 {
		return nil, f.find(Note, "a saga type is there once one of its agents has run", "there is no saga type yet")
	}
	return types, f.find(Well, "", "%s", list(types))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (e *examiner) store(s broker.Site) error {
	f := e.of("store", "")
	switch {
	case s.Limit == 0:
		return f.find(Well, "", "%s stored, without a limit for this account", humanize.IBytes(s.Stored))
	case float64(s.Stored) > full*float64(s.Limit):
		return f.find(Warning, "raise the account's limit: when it is reached, no event is accepted and every saga stands still",
			"%s of %s stored", humanize.IBytes(s.Stored), humanize.IBytes(uint64(s.Limit)))
	default:
		return f.find(Well, "", "%s of %s stored", humanize.IBytes(s.Stored), humanize.IBytes(uint64(s.Limit)))
	}
}

// sync says how much a power loss may take.
func (e *examiner) sync(ctx context.Context) error {
	f := e.of("sync", "")
	all, err := e.log.Syncs(ctx, e.config.Monitor)
	if errors.Is(err, broker.ErrUnknown) {
		return f.find(Note, "--monitor http://<server>:8222 asks its monitoring port", "how much a power loss may take is not told to this user")
	}
	if err != nil {
		text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		return f.find(Note, hint, "%s", text)
	}
	for _, s := range all {
		if s.Always {
			err = f.find(Well, "", "%s syncs before it acknowledges", s.Server)
		} else {
			err = f.find(Note, "one server alone: `sync_interval: always`, or three servers with three replicas",
				"%s may lose what it acknowledged in the last %s when the power fails", s.Server, ink.Span(s.Every))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// streams looks at what keeps a type's events, and at the clock that they tell of.
// Where they are not sound, there is no use in trying them.
func (e *examiner) streams(ctx context.Context, typ string) (sound bool, err error) {
	f := e.of("streams", typ)
	all, err := e.log.Streams(ctx, typ)
	if err != nil {
		text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		return false, f.find(Bad, hint, "%s", text)
	}
	sound = true
	for _, s := range all {
		sound = sound && s.Broken == nil
		if s.Name == "TIMERS" && e.timers {
			continue
		}
		e.timers = e.timers || s.Name == "TIMERS"
		if err := errors.Join(e.stream(f, s), e.skew(s.Skew)); err != nil {
			return false, err
		}
	}
	return sound, nil
}

func (e *examiner) stream(f finder, s broker.Stream) error {
	if s.Name == "TIMERS" {
		f.saga = ""
	}
	switch {
	case s.Broken != nil:
		text, hint, _ := strings.Cut(s.Broken.Error(), "\nhint: ")
		return f.find(Bad, hint, "%s: %s", s.Name, text)
	case len(s.Behind) > 0:
		return f.find(Warning, "if one more is lost, no event is accepted", "%s: %s offline or behind", s.Name, list(s.Behind))
	case s.Replicas > 1:
		return f.find(Well, "", "%s: %d messages, %s, %d replicas led by %s", s.Name, s.Messages, humanize.IBytes(s.Bytes), s.Replicas, s.Leader)
	default:
		return f.find(Well, "", "%s: %d messages, %s", s.Name, s.Messages, humanize.IBytes(s.Bytes))
	}
}

// skew compares clocks, once. No agent decides by its own; people read times by theirs.
func (e *examiner) skew(ahead time.Duration) error {
	if e.clock {
		return nil
	}
	e.clock = true
	f := e.of("clock", "")
	if ahead.Abs() < skewed {
		return f.find(Well, "", "the broker's clock and this one agree (%s)", ink.Span(ahead.Abs()))
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return f.find(Warning, "sagas are right all the same, but times will look wrong here: run NTP on both", "the broker's clock is %s %s this one", ink.Span(ahead.Abs()), word)
}

// permission tries what this user may.
func (e *examiner) permission(ctx context.Context, typ string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f := e.of("permissions", typ)
	var denied []string
	reads := func() error { _, err := e.log.History(ctx, typ, "doctor", 0); return err }
	writes := func() error { return e.log.May(ctx, typ) }
	for what, try := range map[string]func() error{"read a saga": reads, "submit a task": writes} {
		switch err := try(); {
		case err == nil:
		case strings.Contains(err.Error(), "permission denied"):
			denied = append(denied, what)
		default:
			return f.find(Bad, "", "it could not be tried to %s: %v", what, err)
		}
	}
	if len(denied) > 0 {
		slices.Sort(denied)
		return f.find(Note, "deploy/nats/users.conf has users for agents, upstream systems and operators", "this user may not %s", strings.Join(denied, ", nor "))
	}
	return f.find(Well, "", "this user may read sagas and submit tasks")
}
