package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrMissing says that PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed")

// programs are the binaries, and the user that runs them: nobody else than
// ourselves, unless we are root.
type programs struct {
	folder     string
	user       string
	credential *syscall.Credential
}

// find looks where Debian's packages put the binaries, newest version first,
// and then in the PATH.
func find() (programs, error) {
	folder, err := newest("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return programs{}, err
	}
	p := programs{folder: folder}
	if os.Geteuid() != 0 {
		return p, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return programs{}, err
		}
		p.user, p.credential = name, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return p, nil
	}
	return programs{}, errors.New("it refuses to run as root, and there is no user postgres\nhint: adduser --system postgres")
}

func newest(pattern string) (folder string, err error) {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	var best int
	for _, postgres := range found {
		bin := filepath.Dir(postgres)
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
		if err == nil && version > best {
			best, folder = version, bin
		}
	}
	if folder != "" {
		return folder, nil
	}
	if inPath, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(inPath), nil
	}
	return "", fmt.Errorf("%w: there is no %s, and no postgres in the PATH\nhint: apt-get install postgresql", ErrMissing, pattern)
}

func (p programs) path(name string) string { return filepath.Join(p.folder, name) }

func (p programs) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path(name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential}
	return cmd
}

// give hands a folder to the user that runs the server.
func (p programs) give(folder string) error {
	if p.credential == nil {
		return nil
	}
	return os.Chown(folder, int(p.credential.Uid), int(p.credential.Gid))
}
