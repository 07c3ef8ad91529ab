// Package dev runs a whole saga on one machine: a broker, and every agent as a
// process of its own. It is what `unwind dev` does, and what a demonstration or
// a test of real processes builds upon.
//
//	cast, err := dev.Find("services/kyc")    // every agent.yaml below; see cast.Errors
//	crew, err := dev.Start(ctx, dev.Config{Store: dir}, cast.Programs)
//	defer crew.Stop()
//	err = crew.Ready(ctx)                    // every agent listens
//	seq, err := client.Submit(ctx, crew.Log(), "kyc", "order-1", payload, "me")
//	err = crew.Kill("face-matching")         // SIGKILL; it is started again
//
// # What there is
//
//   - [Find] looks for agent.yaml files and checks them, each by itself and all
//     together (package lint).
//   - [Start] starts the broker, makes the streams of every saga type, builds
//     the programs that need it, and starts the processes.
//   - [Crew.Kill] ends an agent's processes by SIGKILL, as a crash would; they
//     are started again. [Crew.Park] does the same and leaves them dead, until
//     [Crew.Unpark].
//   - [Crew.Ready] waits until agents listen; [Crew.Processes] lists who runs,
//     with process ids; [Crew.Stop] ends everything and leaves no process
//     behind.
//
// # How a process is kept
//
// It leads a process group of its own, so that a terminal's Ctrl-C reaches only
// this program, which stops its agents in order, and so that what an agent
// started goes down with it. A process that ends without being asked is started
// again, after a delay that grows while it keeps dying; that is said once for
// each death. On Linux, a process also dies with this program when that is
// killed.
//
// An agent is told where the broker is by NATS_URL. A program that has no
// command is a Go main package in the folder of its agent.yaml: it is built
// into the store, and started with --config <agent.yaml>.
//
// # What it is not
//
// It is no way to run in production: one broker, one machine, and the supervisor
// is part of the tool. The agents do not know the difference.
package dev
