package main

import (
	"testing"

	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/route/routetest"
)

// Google's key had expired, so the way came from OSRM, and by its margin the drive would
// have been too late. That was right: nobody is promised what may not be kept.
func TestLateByOSRM(t *testing.T) {
	d := routetest.Open(t, routetest.World(t), open, schema)
	sagatest.Rules{AsRecorded: true}.Replay(t, "testdata/ride-7.json", d.Config, d.Handler)
}
