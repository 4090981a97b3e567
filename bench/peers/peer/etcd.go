package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcdStore makes a session in one transaction. The owner's key hangs on the lease of its node, or on one of its own: then each
// create and each takeover begins with a grant, one more entry in the log. The client renews leases by itself, all over one stream.
type etcdStore struct {
	client  *clientv3.Client
	seconds int64                       // of a lease
	leases  map[string]clientv3.LeaseID // by owner; empty where each session has its own
	ctx     context.Context             // of the renewals, which outlive the calls that began them
	cancel  context.CancelFunc
}

func etcdOpener(perSession bool) func(context.Context, Settings) (Store, error) {
	return func(ctx context.Context, s Settings) (Store, error) {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Addr}, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
		if err != nil {
			return nil, fmt.Errorf("etcd client: %w", err)
		}
		e := &etcdStore{client: client, seconds: int64(s.Lease / time.Second), leases: map[string]clientv3.LeaseID{}}
		e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
		if perSession {
			return e, nil
		}
		for _, owner := range s.Owners {
			if e.leases[owner], err = e.grant(ctx); err != nil {
				return nil, errors.Join(fmt.Errorf("etcd lease of %s: %w", owner, err), e.Close())
			}
		}
		return e, nil
	}
}

// grant takes a lease and keeps it alive until the store is closed.
func (e *etcdStore) grant(ctx context.Context) (clientv3.LeaseID, error) {
	lease, err := e.client.Grant(ctx, e.seconds)
	if err != nil {
		return 0, err
	}
	renewed, err := e.client.KeepAlive(e.ctx, lease.ID)
	if err != nil {
		return 0, err
	}
	go func() {
		for range renewed { // it has to be read, or the client complains
		}
	}()
	return lease.ID, nil
}

// lease is what an owner's key is written under.
func (e *etcdStore) lease(ctx context.Context, owner string) (clientv3.LeaseID, error) {
	if id, ok := e.leases[owner]; ok {
		return id, nil
	}
	return e.grant(ctx)
}

func (e *etcdStore) Create(ctx context.Context, s Session) error {
	lease, err := e.lease(ctx, s.Owner)
	if err != nil {
		return err
	}
	record := recordKey(s.ID)
	r, err := e.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(record), "=", 0)).
		Then(clientv3.OpPut(record, string(s.Body)), clientv3.OpPut(ownerKey(s.ID), s.Owner, clientv3.WithLease(lease))).
		Commit()
	if err != nil {
		return err
	}
	if !r.Succeeded {
		return ErrExists
	}
	return nil
}

func (e *etcdStore) Read(ctx context.Context, id string) (Session, error) {
	r, err := e.client.Txn(ctx).Then(clientv3.OpGet(recordKey(id)), clientv3.OpGet(ownerKey(id))).Commit()
	if err != nil {
		return Session{}, err
	}
	record, owner := r.Responses[0].GetResponseRange().Kvs, r.Responses[1].GetResponseRange().Kvs
	if len(record) == 0 {
		return Session{}, ErrNotFound
	}
	s := Session{ID: id, Body: record[0].Value}
	if len(owner) > 0 {
		s.Owner = string(owner[0].Value)
	}
	return s, nil
}

func (e *etcdStore) TakeOver(ctx context.Context, id, from, to string) error {
	lease, err := e.lease(ctx, to)
	if err != nil {
		return err
	}
	r, err := e.client.Txn(ctx).
		If(clientv3.Compare(clientv3.Value(ownerKey(id)), "=", from)).
		Then(clientv3.OpPut(ownerKey(id), to, clientv3.WithLease(lease))).
		Commit()
	if err != nil {
		return err
	}
	if !r.Succeeded {
		return ErrNotOwner
	}
	return nil
}

func (e *etcdStore) Close() error {
	e.cancel()
	return e.client.Close()
}

func recordKey(id string) string { return "record/" + id }

func ownerKey(id string) string { return "owner/" + id }
