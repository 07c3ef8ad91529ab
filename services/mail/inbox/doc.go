// Package inbox is a real SMTP server that keeps what it gets, for demonstrations
// and tests: a mail server whose letters can be counted.
//
// Begin with [Start]; give [Inbox.Addr] to whoever sends; look with
// [Inbox.Messages] or over HTTP:
//
//	GET    /messages                  what came, the oldest first; ?message_id= for one
//	DELETE /messages                  forget it
//	GET    /faults                    what is set
//	PUT    /faults {"mode":"cut","count":2}
//
// It deduplicates nothing: a message that comes twice is there twice, since that
// is what the tests are to find. It can be told to fail in each way in which
// servers fail ([Mode]).
//
// It keeps all in memory, delivers nothing anywhere and asks nobody who they are
// unless told to: listen on loopback, or inside of a closed network.
package inbox
