// Package eventtest is for those who test against an [events.Log], and for
// those who build one.
//
// [NewLog] keeps a log in memory that gives the answers of a broker: the same
// refusals for the same reasons, durable consumers with leases, timers. It
// runs inside a testing/synctest bubble (make it there) as well as outside.
//
//	log := eventtest.NewLog()
//	defer log.Close()
//
// [Suite] is what every Log passes, in real time; [SuiteInBubbles] is the same
// in virtual time. [Faulty] puts crashes, pauses and lost answers between an
// agent and its log.
//
// What it is not: a broker's stand-in for speed or for durability. Nothing is
// ever removed, and nothing survives the process.
package eventtest
