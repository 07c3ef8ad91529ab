// Package events is the vocabulary of Unwind: the facts that agents write
// about a saga, the subjects under which a broker keeps them, and the door
// ([Log]) through which every other package reads and writes them.
//
// # What it is
//
// A saga is one run of a workflow, named by its type ("kyc") and its id
// ("order-1"). Its steps are roles ("face-matching"), performed by agents
// ("face-matching", or its stand-in "face-matching-lite"). Whatever happens is
// written as an [Event]: a past fact, immutable, appended once to the stream
// of the saga's type. The stream is the only state there is.
//
// # The subject says what happened
//
// Each event has a [Subject] of exactly five tokens,
//
//	saga.<type>.<step>.<event>.<id>
//
// and the broker accepts each subject once. So a subject is more than an
// address: it is the slot of one fact, and whoever writes it first has
// decided. The id comes last, because then one filter, saga.<type>.*.*.<id>,
// is the history of a saga, and a consumer's filter is a plain prefix.
//
// A slot may depend on another one. A forward event is accepted only while
// the saga has not turned, the outcome of an attempt only while no later
// attempt was claimed, the latch that turns a saga only while the saga has not
// ended. [Subject.Guard] names that other slot; a [Log] refuses the write when
// it is taken. These refusals are the only referee between agents that know
// nothing of each other.
//
// # On the wire
//
// Events are CloudEvents 1.0 in binary mode: attributes in ce-* headers, the
// body is the data as JSON. [Decode] also takes structured mode and messages
// with no headers at all, because a bare
//
//	nats pub saga.kyc.task.submitted.order-1 '{"name": "Ada"}'
//
// is a valid task. The subject is the authority, whatever the headers say.
// [Schema] says in JSON Schema what the data of each kind must be.
//
// # What does not travel
//
// A result of over 32 KiB does not go with its event: a [Shelf], which is part of
// each Log, keeps it under its digest, and the event has a [Ref] to it. It is
// stored first, so there is never a reference to nothing. Nothing here removes
// it again, also when its step was undone.
//
// # What it is not
//
// There is no judgement here: what a history means is told by package saga.
// And there is no broker: package broker keeps a Log in NATS JetStream,
// package eventtest keeps one in memory, and both pass eventtest.Suite.
package events
