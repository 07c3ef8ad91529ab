//go:build !unix

package agent

import (
	"errors"
	"time"
)

// pause is for systems on which a process can be made to stand still.
func pause(time.Duration) error { return errors.ErrUnsupported }
