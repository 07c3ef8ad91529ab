// Package host is the program around an agent: one Main for all of them. It reads
// the flags and the environment, finds the broker, logs, tells telemetry, says
// whether it is healthy, and stops when it is told to.
//
//	func main() {
//		host.Main(agent.Handler{Perform: match, Compensations: agent.Compensations{"forget": forget}})
//	}
//
// An agent that needs its configuration first, or has a store to open and to close,
// begins with [Open] instead. A program that has flags of its own, and one that is
// several agents, takes [Process.Run].
//
// # What a process listens to
//
//	--config FILE    its YAML file; default agent.yaml
//	--listen ADDR    /metrics, /healthz and /readyz; default $UNWIND_LISTEN, else nothing
//	--log FORMAT     text or json, on stderr; default $UNWIND_LOG, else text
//	--grace TIME     how long what is under way may go on when it is told to stop; 10s
//
// and $NATS_URL and its kin (see [broker.FromEnv]), and the OTEL_* variables (see
// package telemetry). SIGINT and SIGTERM end it in good order: nothing new is
// begun, what is under way may end, what is to be told is told. A second one ends it
// at once.
//
// The address is no setting of the YAML file, because the instances of an agent
// share that and would fight for the port. Port 0 takes any, and the log says which.
// An address without a host, such as :9464, is open to everybody who can reach the
// machine; the page has no secrets, and no lock.
package host
