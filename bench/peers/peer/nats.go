package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bucket is the name of the key-value bucket, and subject what its keys are published under.
const (
	bucket  = "sessions"
	subject = "$KV." + bucket + "."
)

// natsStore makes a session by two calls: the record if there is none, then the owner with a TTL of its own. The KV interface sets a
// key's TTL when it makes the key and never again, so a lease is renewed, and handed to another, by publishing to the bucket's stream,
// with the TTL and with the revision that is to be replaced.
type natsStore struct {
	conn   *nats.Conn
	stream jetstream.JetStream
	kv     jetstream.KeyValue
	lease  time.Duration
	held   sync.Map // id -> revision of the owner's key, as its holder remembers it
}

func natsOpener(file bool) func(context.Context, Settings) (Store, error) {
	return func(ctx context.Context, s Settings) (Store, error) {
		conn, err := nats.Connect("nats://" + s.Addr)
		if err != nil {
			return nil, fmt.Errorf("nats client: %w", err)
		}
		n := &natsStore{conn: conn, lease: s.Lease}
		if err := n.open(ctx, file); err != nil {
			conn.Close()
			return nil, fmt.Errorf("nats bucket: %w", err)
		}
		return n, nil
	}
}

func (n *natsStore) open(ctx context.Context, file bool) (err error) {
	storage := jetstream.MemoryStorage
	if file {
		storage = jetstream.FileStorage
	}
	if n.stream, err = jetstream.New(n.conn); err != nil {
		return err
	}
	// Without markers of ended keys there are no TTLs of single keys.
	config := jetstream.KeyValueConfig{Bucket: bucket, History: 1, Storage: storage, LimitMarkerTTL: n.lease}
	n.kv, err = n.stream.CreateKeyValue(ctx, config)
	return err
}

func (n *natsStore) Create(ctx context.Context, s Session) error {
	_, err := n.kv.Create(ctx, natsRecord(s.ID), s.Body)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return ErrExists
	}
	if err != nil {
		return err
	}
	revision, err := n.kv.Create(ctx, natsOwner(s.ID), []byte(s.Owner), jetstream.KeyTTL(n.lease))
	if err == nil {
		n.held.Store(s.ID, revision)
	}
	return err
}

func (n *natsStore) Read(ctx context.Context, id string) (Session, error) {
	record, err := n.kv.Get(ctx, natsRecord(id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, err
	}
	s := Session{ID: id, Body: record.Value()}
	owner, err := n.kv.Get(ctx, natsOwner(id))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return s, nil
	}
	if err == nil {
		s.Owner = string(owner.Value())
	}
	return s, err
}

// TakeOver reads first: the taker is not the one who remembers the revision.
func (n *natsStore) TakeOver(ctx context.Context, id, from, to string) error {
	owner, err := n.kv.Get(ctx, natsOwner(id))
	if err != nil {
		return err
	}
	if string(owner.Value()) != from {
		return ErrNotOwner
	}
	return n.replace(ctx, id, to, owner.Revision())
}

func (n *natsStore) Renew(ctx context.Context, id, owner string) error {
	revision, ok := n.held.Load(id)
	if !ok {
		return ErrNotOwner
	}
	return n.replace(ctx, id, owner, revision.(uint64))
}

// replace writes the owner's key with a whole TTL if its revision is the one given.
func (n *natsStore) replace(ctx context.Context, id, owner string, revision uint64) error {
	ack, err := n.stream.Publish(ctx, subject+natsOwner(id), []byte(owner),
		jetstream.WithMsgTTL(n.lease), jetstream.WithExpectLastSequencePerSubject(revision))
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return ErrNotOwner
	}
	if err == nil {
		n.held.Store(id, ack.Sequence)
	}
	return err
}

func (n *natsStore) Close() error {
	n.conn.Close()
	return nil
}

func natsRecord(id string) string { return "record." + id }

func natsOwner(id string) string { return "owner." + id }
