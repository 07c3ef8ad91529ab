package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A Shelf keeps results that are too large to travel with an event, apart from
// the events and named by their content. A result is stored before the event
// that refers to it is appended: whoever reads a reference finds what it means.
// The same bytes stored again are the same object, so whoever dies between
// storing and appending leaves at most one that nobody refers to, and the twin
// who does the work again finds it there.
type Shelf interface {
	// Put stores data for the sagas of a type. It tries until it knows, as
	// Append does: nil means that it is there in full; the context's error that
	// nobody knows, and that it may be there in part, which harms nobody.
	// Another error stays. A type that was not ensured is [ErrNoType].
	Put(ctx context.Context, typ string, data []byte) (Ref, error)
	// Get reads what a reference means, all of it or an error: one that was
	// never stored, or is there no more, is [ErrNoObject], one that is not what
	// was stored is [ErrCorrupt].
	Get(ctx context.Context, typ string, r Ref) ([]byte, error)
}

// MaxInline is the size up to which a result travels with its event: one that
// alone would not fit into a context goes to the shelf. So a context carries
// it on as a reference, and the happy path still reads no history.
const MaxInline = MaxContext

// MaxResult is the size up to which a result is accepted. Whoever reads one
// holds it in memory.
const MaxResult = 64 << 20

// Why a shelf does not give what a reference means. The error that wraps them
// names the digest.
var (
	// ErrNoObject: it was never stored, or somebody removed it.
	ErrNoObject = errors.New("no such object")
	// ErrCorrupt: what is there has another digest or size.
	ErrCorrupt = errors.New("the object is not what was stored")
)

const digestPrefix = "sha256:"

// RefOf names data by its content.
func RefOf(data []byte) Ref {
	sum := sha256.Sum256(data)
	return Ref{Digest: digestPrefix + hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

// Sum is the digest without its prefix: 64 hexadecimal digits.
func (r Ref) Sum() string { return strings.TrimPrefix(r.Digest, digestPrefix) }

// Validate says what is wrong with a reference. It came with an event that
// anybody may have written, and its digest becomes part of a subject.
func (r Ref) Validate() error {
	sum, ok := strings.CutPrefix(r.Digest, digestPrefix)
	hexadecimal := func(c rune) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
	switch {
	case !ok || len(sum) != 2*sha256.Size || strings.ContainsFunc(sum, func(c rune) bool { return !hexadecimal(c) }):
		return fmt.Errorf("reference: the digest is %q, want sha256: and 64 hexadecimal digits", r.Digest)
	case r.Size < 0 || r.Size > MaxResult:
		return fmt.Errorf("reference %s: the size is %d, want 0 to %d", r.Digest, r.Size, int64(MaxResult))
	}
	return nil
}

// Check compares what was read with what was stored.
func (r Ref) Check(data []byte) error {
	if got := RefOf(data); got != r {
		return fmt.Errorf("%w: %d bytes of %s", ErrCorrupt, got.Size, got.Digest)
	}
	return nil
}
