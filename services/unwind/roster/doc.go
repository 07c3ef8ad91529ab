// Package roster puts together who is there: what the running instances of agents
// say of themselves, and what the broker says of the consumers that they have. The
// one knows versions, policies and counts; the other knows also the agents that are
// not running, and those in other languages, which need not announce themselves.
//
//	all, err := roster.Call(ctx, log, "kyc")
//	_ = roster.List(os.Stdout, all, time.Now(), roster.Options{})
//
// An agent's place is what it declares; of one that declares nothing it is read
// off the subjects that its consumers hear.
//
// It changes nothing, and nothing decides by it.
package roster
