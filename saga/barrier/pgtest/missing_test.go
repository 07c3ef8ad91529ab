package pgtest

import (
	"errors"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := newest("/nowhere/*/bin/postgres")
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "hint: apt-get install postgresql") {
		t.Errorf("got %v", err)
	}
}
