package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/unwind-saga/unwind/services/unwind/dev"
	"github.com/unwind-saga/unwind/services/unwind/drill"
)

// openWorld opens what is around the agent, if the case has a program that knows
// it, and takes its first task where none is given.
func (b *bench) openWorld(ctx context.Context) error {
	own := b.subject.world
	if own == nil {
		return nil
	}
	b.config.say("opening the world")
	built, err := dev.Build(ctx, filepath.Join(b.folder, "bin"), []dev.Program{*own})
	if err != nil {
		return err
	}
	command := built[0].Config.Command
	if len(own.Config.Command) == 0 {
		command = command[:1] // it has no --config
	}
	p := drill.Program{Command: command, Folder: filepath.Dir(own.File)}
	if b.subject.Case.Completes.task == nil {
		err := p.Tasks(ctx, 1, func(_ int, task []byte) error { b.first = append(b.first, task...); return nil })
		if err != nil {
			return err
		}
	}
	folder := filepath.Join(b.folder, "world")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	if b.world, err = p.Open(ctx, folder); err != nil {
		return err
	}
	b.env = append(b.env, b.world.Env...)
	return nil
}

// left says what the world has of a saga: how often each thing is there.
func (b *bench) left(ctx context.Context, id string) (map[string]int, error) {
	found, err := b.world.Effects(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]int{}
	for _, e := range found {
		if e.Saga == id && e.Count > 0 {
			there[e.Where] += e.Count
		}
	}
	return there, nil
}

// unseen is said of an agent whose effects the world does not know: nothing can be
// learned there.
const unseen = "the world's program sees no effect of it"

// once checks that whatever is there of a saga is there once.
func (b *bench) once(ctx context.Context, id string) error {
	there, err := b.left(ctx, id)
	if err != nil {
		return err
	}
	for where, n := range there {
		if n > 1 {
			return wrong("one effect", fmt.Sprintf("%d at %s", n, where))
		}
	}
	return b.sees(there)
}

// sees says that nothing can be learned where nothing is seen.
func (b *bench) sees(there map[string]int) error {
	if len(there) == 0 {
		return &idle{unseen}
	}
	return nil
}

// nothing checks that nothing of a saga is there.
func (b *bench) nothing(ctx context.Context, id string) error {
	there, err := b.left(ctx, id)
	if err != nil {
		return err
	}
	for where, n := range there {
		return wrong("nothing of it in the world", fmt.Sprintf("%d at %s", n, where))
	}
	return nil
}
