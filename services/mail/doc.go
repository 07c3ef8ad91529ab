// Package mail sends one message to one person over SMTP and, when that fails,
// says whether the message may be under way all the same.
//
// Begin with [New] and [Sender.Send]. A mail cannot be taken back and no server
// promises to send it once, so two things are done about it. The Message-ID is
// derived from an idempotency key ([MessageID]): whoever receives the same
// message twice can see that it is the same, and most readers show it once. And
// every failure is an [*Error] whose MayHaveHappened separates "certainly not
// sent" from "nobody knows":
//
//	4xx, anywhere                                  transient    not sent
//	no connection; cut, or silence, before content transient    not sent
//	5xx to us: greeting, sign-in, sender           unavailable  not sent
//	no TLS, or one that does not verify            unavailable  not sent
//	5xx to an address or the message               refused      not sent
//	cut, or silence, from the content on           unknown      may have happened
//
// A mail server that restarts must not turn a saga at its last step: hence the
// second line.
//
// The last line is the protocol's own gap (RFC 5321, 4.5.3.2.6; RFC 1047): after
// the final dot only the server knows, until its answer has arrived.
//
// The package keeps no queue and does not try again: that is the saga's affair.
// Package inbox beneath it is a server to test against.
package mail
