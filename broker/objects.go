package broker

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/events"
)

// The objects of a saga type lie in an object store of NATS, the bucket
// saga-<type>, in the format that every client reads:
//
//	nats object get saga-kyc sha256:ba7816bf…
//
// They are not written through the client, though. That one gives each upload
// a random name, replaces an object that is there, and then removes what it
// replaced; so two who store the same bytes may take them from each other's
// readers, who crashes leaves parts that nobody finds, and every agent needs
// the right to purge. Here the parts are named by the digest too, and each is
// written as events are, if the one before it is the last: there is no second
// upload of the same bytes. Whoever comes next goes on where the last one
// stopped, and nothing is ever replaced or removed.

const (
	bucketPrefix = "saga-"
	objectPrefix = "OBJ_" + bucketPrefix

	// chunkSize is that of every object, so that a later writer can go on. It
	// is what clients use by default.
	chunkSize = 128 << 10

	// chunkHeader says which part of its object a message is, from 1.
	chunkHeader = "Unwind-Chunk"
)

func objectStream(typ string) string { return objectPrefix + typ }

// wantObjects is the stream of a bucket. Other than those that clients make it
// takes no rollup: an object is written once.
func wantObjects(typ string, replicas int) jetstream.StreamConfig {
	bucket := bucketPrefix + typ
	return jetstream.StreamConfig{
		Name:        objectStream(typ),
		Description: "the large results of all " + typ + " sagas, by digest",
		Subjects:    []string{"$O." + bucket + ".C.>", "$O." + bucket + ".M.>"},
		Storage:     jetstream.FileStorage, Replicas: max(replicas, 1),
		MaxMsgsPerSubject: -1, Discard: jetstream.DiscardNew,
		MaxMsgs: -1, MaxBytes: -1, MaxConsumers: -1,
		AllowDirect: true,
	}
}

// An object is where the bytes that a reference means lie.
type object struct {
	events.Ref
	bucket, stream string
}

func objectOf(typ string, r events.Ref) object {
	return object{Ref: r, bucket: bucketPrefix + typ, stream: objectStream(typ)}
}

// parts is the subject of all its chunks.
func (o object) parts() string { return "$O." + o.bucket + ".C." + o.Sum() }

// info is the subject of the message that says that it is complete.
func (o object) info() string {
	return "$O." + o.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(o.Digest))
}

// chunks is how many it has.
func (o object) chunks() int { return int((o.Size + chunkSize - 1) / chunkSize) }

// part is chunk n, from 1, which is accepted only behind the one before it.
func (o object) part(data []byte, n int, before uint64) *nats.Msg {
	first := (n - 1) * chunkSize
	return &nats.Msg{
		Subject: o.parts(), Data: data[first:min(first+chunkSize, len(data))],
		Header: nats.Header{chunkHeader: {strconv.Itoa(n)}, guardSeqHeader: {strconv.FormatUint(before, 10)}},
	}
}

// whole says that the object is complete. It is accepted once.
func (o object) whole() (*nats.Msg, error) {
	sum, err := hex.DecodeString(o.Sum())
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: o.Digest, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}},
		Bucket:     o.bucket, NUID: o.Sum(), Size: uint64(o.Size), Chunks: uint32(o.chunks()),
		Digest: "SHA-256=" + base64.URLEncoding.EncodeToString(sum),
	})
	return &nats.Msg{Subject: o.info(), Data: body, Header: nats.Header{guardSeqHeader: {"0"}}}, err
}
