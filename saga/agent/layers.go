package agent

import (
	"cmp"
	"fmt"
	"os"

	"github.com/unwind-saga/unwind/saga/config"
)

// Layers say how much of the recovery is at work. Less than all of it is for a
// drill, which shows what each layer is worth; no saga is safe then.
type Layers string

// The layers, each with those before it.
const (
	NoLayers         Layers = "none"
	RetryLayer       Layers = "retry"          // another try, and a takeover after a crash
	RetryAndFallback Layers = "retry+fallback" // and another agent
	AllLayers        Layers = "all"            // and compensation: the default
)

// LayersVariable names the layers in the environment.
const LayersVariable = "UNWIND_LAYERS"

// What is said of a drill when an agent begins, so that nobody overlooks it.
const (
	layersAreReduced  = "LAYERS OF RECOVERY ARE OFF: effects will be left behind. Never run this in production"
	faultsAreInjected = "FAULTS ARE INJECTED ON PURPOSE. Never run this in production"
)

// layers finds what the options or else the environment ask for.
func (o Options) layers() (Layers, error) {
	l := cmp.Or(o.Layers, Layers(os.Getenv(LayersVariable)), AllLayers)
	switch l {
	case NoLayers, RetryLayer, RetryAndFallback, AllLayers:
		return l, nil
	default:
		return "", fmt.Errorf("%s=%s: want %s, %s, %s or %s", LayersVariable, l, NoLayers, RetryLayer, RetryAndFallback, AllLayers)
	}
}

// without takes away what a layer that is off would do. Without compensation an
// agent says that there was nothing to undo, whatever there is.
func (r *runner) without(l Layers) {
	if l == AllLayers {
		return
	}
	r.undo = nil
	if l == RetryAndFallback {
		return
	}
	r.role.Fallbacks = nil
	if l == RetryLayer {
		return
	}
	r.role.Retry = config.RetryPolicy{}.Exactly()
	r.role.MaxTakeovers = 0
	r.oneTry = true // who was throttled comes back whatever the policy says
}
