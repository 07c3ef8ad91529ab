// Package index finds sagas among a million: by how they stand, where, why and
// since when. It is a SQLite file beside the stream.
//
//	x, err := index.Open(ctx, path)
//	defer x.Close()
//	err = x.CatchUp(ctx, log, nil)
//	found, err := x.Find(ctx, index.Query{Statuses: []saga.Status{saga.Stuck}, Limit: 50})
//
// # Never the truth
//
// The stream is the only state there is. The index is made from it and from
// nothing else, and can be thrown away at any time: whoever opens it next reads the
// stream again. What it says of a saga is what [saga.Fold] says of that saga's
// events up to the sequence that the index has read ([Index.Reach]), no more and
// no less. So it is for finding; who acts on a saga reads its history.
//
// # How it keeps up
//
// Each type's stream is read in order from where the index stopped. A batch of
// events is folded saga by saga and written in one transaction, with the sequence
// that it reaches: a crash in the middle leaves the index at the batch before. The
// fold needs a whole history. Most sagas begin and end within a batch; of those
// that don't, the events are kept in memory from batch to batch, and where they are
// not (a process that has just begun, an event after the end) the history is read,
// and cut at the sequence that the batch reaches.
//
// A stream that was made anew is noticed by its moment of birth, and one that was
// put back by its end: then what was known of that type is forgotten, and read again.
// A file of another version is made anew likewise.
//
// # Who may use it
//
// Many processes at once. One of them catches up, under a lock that the operating
// system takes away from who dies; the others wait for it or read what is there.
// The file must be on a local disk.
package index
