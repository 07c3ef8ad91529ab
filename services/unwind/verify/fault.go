package verify

import (
	"context"
	"errors"
	"fmt"
)

// A fault is what a check found: what was expected, and what was seen.
type fault struct{ want, seen string }

func (f *fault) Error() string { return "want " + f.want + ", seen: " + f.seen }

func wrong(want, seen string) error { return &fault{want, seen} }

// unless makes a fault of an error that says no more than that the time is up.
func unless(ctx context.Context, err error, want, seen string) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return wrong(want, "not in time"+seen)
	}
	return err
}

func ensure(holds bool, want, format string, args ...any) error {
	if holds {
		return nil
	}
	return wrong(want, fmt.Sprintf(format, args...))
}
