// Package telemetry tells the world what agents do: traces and metrics by
// OpenTelemetry, a page for Prometheus, health and readiness, and the ids of a
// trace in each line of the log. It is an [agent.Observer] and what stands behind
// it:
//
//	tel, err := telemetry.Start(ctx, telemetry.Config{Service: "seat", Saga: "trip"})
//	...
//	defer tel.Stop(ctx)
//	err = agent.Options{Observers: []agent.Observer{tel.Observer()}}.Run(ctx, log, cfg, handler)
//
// services/host does that for every agent that begins with it.
//
// # Traces
//
// A saga is one trace over all its agents. An event carries the context of the span
// that wrote it; whoever is given the event begins a span below that one, and links
// to it. The conventions for messaging are kept as they stand in the version that
// [conventions] names:
//
//	publish saga.kyc.task.submitted.{id}                  upstream's, if it traces
//	  process saga.kyc.task.submitted.{id}                id-extraction
//	    publish saga.kyc.id-extraction.started.{id}
//	    perform id-extraction                             the handler's call
//	    publish saga.kyc.id-extraction.completed.{id}
//	      process saga.kyc.id-extraction.completed.{id}   face-matching
//
// A timer carries the trace too, so a retry is in it. A call is a span of its own,
// perform or compensate, current while the handler runs. All that goes back has
// the attribute unwind.direction=back. A call that failed has the status of an
// error, and says its class and its code; its message stays in the history, since
// it may quote what a provider said of a person.
//
// # Metrics
//
// [Metrics] lists them. Each event of a saga is appended once, by one instance,
// and counted there: the sum over all instances is exact, but for those that died
// between the append and the count.
//
// # Where it goes
//
// OTLP, where and how the OTEL_* variables say (http/protobuf, unless
// OTEL_EXPORTER_OTLP_PROTOCOL says grpc); nothing goes out unless one of
// OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER, or
// their kin, asks for it. The page for Prometheus is [Telemetry.Handler]'s
// /metrics, beside /healthz and /readyz.
//
// It is deliberately no part of a saga: an agent without it works the same, and one
// whose collector is down too. Which sagas there are, and how they stand, is not
// told here but read from the stream.
package telemetry
