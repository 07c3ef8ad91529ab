// Package board makes what people look at and what wakes them: a dashboard for
// Grafana and alerts for Prometheus, from the metrics that package telemetry tells.
// Queries are written with the metrics' and the attributes' own names, and a name
// that nobody tells does not get into a file:
//
//	sum by (unwind.agent) (rate(unwind.retries[10m]))
//
// The files are in deploy/telemetry; `go generate ./...` in saga/telemetry writes
// them anew, and a test says when they are behind.
package board

//go:generate go run ./write ../../../deploy/telemetry
