// Package broker keeps the events of sagas in NATS JetStream: its [Log] is an
// [events.Log], and the broker's conditional writes are the only referee
// between agents.
//
// # How to begin
//
// Against a server that runs somewhere:
//
//	log, err := broker.Connect(ctx, broker.Config{URL: "nats://localhost:4222"})
//	if err != nil { ... }
//	defer log.Close()
//	err = log.Ensure(ctx, "kyc") // makes the streams, or checks those that are there
//
// With a server inside the program, on a folder of its own:
//
//	server, err := broker.Embed(ctx, "/var/lib/unwind", broker.ServerConfig{})
//	if err != nil { ... }
//	defer server.Shutdown()
//	log, err := broker.Connect(ctx, broker.Config{InProcess: server})
//
// Tests get either from package brokertest, in real or in virtual time.
//
// # What it promises
//
// Each saga type has a stream SAGA_<type> that takes each subject once and
// loses nothing, and an object store saga-<type> for results that are too large
// to travel; all timers are in one stream TIMERS. [Log.Ensure] refuses a
// stream with any setting that would break this, and names each.
//
// [Log.Append] ends in one of four ways: the event is in the log (nil), it is
// not and never will be by this call (an [*events.Refusal]), it is not (another
// error, which says so), or nobody knows (the context's error). It gets there
// by asking again, because a slot is written once and each append has an id of
// its own, so asking again is always safe.
//
// [Log.Put] stores the same bytes once, whoever else does so at the same moment
// or died while doing so. [Log.Get] gives what was stored, or an error.
//
// [Log.History] is never a view from before the sequence that is asked for,
// whichever replica answers. [Log.Follow] neither loses nor repeats an event,
// and [Log.Consume] delivers at least once.
//
// A connection that breaks is made again for as long as it takes. That is said
// once when it breaks and once when it is back; calls under way wait.
//
// # What it is not
//
// There is no judgement here: what an event means is told by package saga. It
// is no general client for JetStream either. Nothing here removes an event:
// leaving is the archiver's business.
package broker
