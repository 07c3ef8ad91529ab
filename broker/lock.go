package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// A lock is held on a store's folder as long as its server runs. The kernel
// drops it with the process, so a crash leaves none behind.
type lock struct{ file *flock.Flock }

const lockName = "unwind.lock"

// acquire takes the lock of a folder at once, or says who has it.
func acquire(folder string) (*lock, error) {
	path := filepath.Join(folder, lockName)
	file := flock.New(path, flock.SetPermissions(0o640))
	ok, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the folder: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("it is in use by %s\nhint: connect to that server, or stop it, or choose another folder", holder(path))
	}
	host, _ := os.Hostname()
	// For people only: who can't write it still holds the lock.
	_ = os.WriteFile(path, fmt.Appendf(nil, "process %d (%s) on %s\n", os.Getpid(), filepath.Base(os.Args[0]), host), 0o640)
	return &lock{file}, nil
}

func holder(path string) string {
	who, err := os.ReadFile(path)
	if err != nil || len(who) == 0 {
		return "another server"
	}
	return strings.TrimSpace(string(who))
}

// release leaves the file behind: to remove it would let a third server lock
// a new file while a second still waits at the old one.
func (l *lock) release() { _ = l.file.Close() }
