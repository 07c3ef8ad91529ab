// Package casefile keeps the whole history of a saga in one file, so that what
// happened in production can be looked at, stepped through and tried again where
// there is no broker.
//
//	c, err := casefile.Load("testdata/order-1.json")
//	state, err := c.State()
//
// # The file
//
// One JSON object, a [Case]: the format's version, the saga's events as they were
// stored (subject, sequence, the broker's time, the attributes, the data), and
// under their digests the results that were too large to travel with an event. A
// file may hold many, one after the other: [Each] reads JSON lines as well as
// objects that are indented.
//
// Data that is no JSON is kept as text, or in base64 where it is no text either.
// What is kept as JSON keeps its value and not its blanks, so a digest names what
// was stored, and is not computed again.
//
// # Personal data
//
// A history holds what upstream sent and what agents answered. [Case.Redact] takes
// out what a path names, in all the places to which it was copied: contexts, later
// results, orders to undo, the text of errors. Numbers, and what an agent made of
// such a value, it cannot find elsewhere: look through a file before it leaves the
// house.
//
// # What it is not
//
// No archive: a file cannot be put back into a stream. And no judge: package saga
// says what the history means, package replay what an agent was asked in it.
package casefile
