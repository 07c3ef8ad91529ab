package eventtest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

var shelfRules = []rule{
	{name: "shelf/what was stored is read", check: storedIsRead},
	{name: "shelf/the same bytes are the same object", check: storedOnce},
	{name: "shelf/the same bytes at the same moment are the same object", check: storedTogether},
	{name: "shelf/what was never stored is not there", check: neverStored},
	{name: "shelf/each type has its own", check: shelfIsOwn},
	{name: "shelf/eight mebibytes", check: storedLarge},
	{name: "shelf/what is damaged is not given", check: damaged, spoil: true},
	{name: "shelf/too much is an error", check: tooMuch},
	{name: "shelf/an illegal reference is an error", check: illegalRef},
	{name: "shelf/a context that is done", check: shelfDoneContext},
	{name: "shelf/no such type", check: shelfNoType},
}

func (b *bench) put(data []byte) events.Ref {
	b.Helper()
	r, err := b.log.Put(b.ctx, b.typ, data)
	b.must(err, "store")
	if want := events.RefOf(data); r != want {
		b.Fatalf("stored as %+v, want %+v", r, want)
	}
	return r
}

func (b *bench) get(r events.Ref, want []byte) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	data, err := b.log.Get(ctx, b.typ, r)
	b.must(err, "read "+r.Digest)
	if !bytes.Equal(data, want) {
		b.Fatalf("read %d bytes, which are not the %d that were stored", len(data), len(want))
	}
}

// noise is data that differs from place to place, so that nothing can be lost
// or moved unseen.
func noise(size int) []byte {
	data := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(data)
	return data
}

func storedIsRead(b *bench) {
	const chunk = 128 << 10
	for _, size := range []int{0, 1, 100, chunk - 1, chunk, chunk + 1, 3*chunk + 7} {
		data := noise(size)
		r := b.put(data)
		clear(data) // what is stored is a copy
		b.get(r, noise(size))
	}
	first, err := b.log.Get(b.ctx, b.typ, events.RefOf(noise(100)))
	b.must(err, "read")
	clear(first) // and so is what is read
	b.get(events.RefOf(noise(100)), noise(100))
}

func storedOnce(b *bench) {
	data := noise(300 << 10)
	first := b.put(data)
	b.put(noise(1))
	if again := b.put(data); again != first {
		b.Fatalf("the same bytes again are %+v, want %+v", again, first)
	}
	b.get(first, data)
}

func storedTogether(b *bench) {
	const writers = 4
	data := noise(1<<20 + 1)
	var refs [writers]events.Ref
	var errs [writers]error
	var run []func()
	for i := range writers {
		run = append(run, func() { refs[i], errs[i] = b.log.Put(b.ctx, b.typ, data) })
	}
	together(run...)
	b.must(errors.Join(errs[:]...), "store at the same moment")
	for _, r := range refs {
		b.get(r, data)
	}
}

func neverStored(b *bench) {
	b.put(noise(2))
	_, err := b.log.Get(b.ctx, b.typ, events.RefOf(noise(3)))
	b.misses(err, events.ErrNoObject, events.RefOf(noise(3)))
}

// misses checks why an object was not given, and that the error names it.
func (b *bench) misses(err, reason error, r events.Ref) {
	b.Helper()
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), r.Digest) {
		b.Fatalf("want %q and %s named, got %v", reason, r.Digest, err)
	}
}

func shelfIsOwn(b *bench) {
	other := newBench(b.T, b.log)
	r := b.put(noise(10))
	_, err := b.log.Get(b.ctx, other.typ, r)
	b.misses(err, events.ErrNoObject, r)
}

func storedLarge(b *bench) {
	data := noise(8 << 20)
	b.get(b.put(data), data)
}

func damaged(b *bench) {
	r := b.put(noise(300 << 10))
	b.must(b.log.(Spoiler).Spoil(b.ctx, b.typ, r), "spoil")
	_, err := b.log.Get(b.ctx, b.typ, r)
	b.misses(err, events.ErrCorrupt, r)
	// A reference that lies about the size is no better.
	sound := b.put(noise(10))
	sound.Size++
	_, err = b.log.Get(b.ctx, b.typ, sound)
	b.misses(err, events.ErrCorrupt, sound)
}

func tooMuch(b *bench) {
	if _, err := b.log.Put(b.ctx, b.typ, make([]byte, events.MaxResult+1)); err == nil {
		b.Fatal("more than MaxResult was stored")
	}
}

func illegalRef(b *bench) {
	r := b.put(noise(10))
	for _, digest := range []string{"", "sha256:", "sha256:>", "sha256:*", r.Sum(), strings.ToUpper(r.Digest), r.Digest + "0"} {
		if _, err := b.log.Get(b.ctx, b.typ, events.Ref{Digest: digest, Size: r.Size}); err == nil {
			b.Fatalf("digest %q was read", digest)
		}
	}
}

func shelfDoneContext(b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if _, err := b.log.Put(ctx, b.typ, noise(10)); !errors.Is(err, context.Canceled) {
		b.Fatalf("store with a context that is done: want its error, got %v", err)
	}
	if _, err := b.log.Get(ctx, b.typ, events.RefOf(noise(10))); !errors.Is(err, context.Canceled) {
		b.Fatalf("read with a context that is done: want its error, got %v", err)
	}
}

func shelfNoType(b *bench) {
	if _, err := b.log.Put(b.ctx, freshType(), noise(10)); !errors.Is(err, events.ErrNoType) {
		b.Fatalf("store for a type that was not ensured: want ErrNoType, got %v", err)
	}
	if _, err := b.log.Get(b.ctx, freshType(), events.RefOf(noise(10))); !errors.Is(err, events.ErrNoType) {
		b.Fatalf("read of a type that was not ensured: want ErrNoType, got %v", err)
	}
}
