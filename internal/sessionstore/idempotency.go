package sessionstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"orchestrator/internal/session"
)

// claimKept is how long a claim's records stay in Redis: twice as long as it answers, so that no copy of it vanishes while it does.
const claimKept = 2 * session.IdempotencyKept

// The fields of a claim's hash beside the stamp and the chain.
const (
	fieldSession      = "session"
	fieldSessionChain = "sessionChain"
	fieldFingerprint  = "fingerprint"
)

// Claim remembers which session an idempotency key stands for. It is a chained record like a session, so a key survives what a
// session survives, and two creates at once agree on one session.
type Claim struct {
	Session session.ID
	Chain   []int // of the session; every attempt to create it uses this one
}

// Claim returns the session that the key stands for, claiming fresh for it if the key is new or older than
// session.IdempotencyKept. The same key with another fingerprint is session.ErrIdempotencyMismatch.
func (s *Store) Claim(ctx context.Context, idem session.Idempotency, fresh session.ID) (Claim, error) {
	p := s.claimPlace(idem.Key)
	want := Claim{fresh, s.ChainFor(fresh)}
	for {
		f, _, err := s.settleChain(ctx, p, s.claimChain())
		if err != nil {
			return Claim{}, err
		}
		if !f.absent() && s.redis.Now().Sub(f.head.Stamp.Op.Born()) < session.IdempotencyKept {
			return s.claimed(p, f, idem)
		}
		err = s.writeClaim(ctx, p, f, want, idem.Fingerprint)
		if !errors.Is(err, errRefused) {
			return want, err
		}
	}
}

// claimChain is where the copies of every claim lie: the same for all attempts, whatever topology each of them sees. They are never moved. On a
// cluster that splits the slots evenly the first copy does not share home's master, and the second shares none but, where there are three, home's.
func (s *Store) claimChain() []int {
	return map[int][]int{1: nil, 2: {firstCopy}, 3: {3, 6}}[max(1, s.Factor())]
}

func (s *Store) claimPlace(key string) place {
	sum := sha256.Sum256([]byte(key))
	partition := int(binary.BigEndian.Uint16(sum[:])) & (s.keys.Partitions() - 1)
	return place{keys: s.keys, partition: partition, digest: hex.EncodeToString(sum[:16])}
}

func (s *Store) claimed(p place, f found, idem session.Idempotency) (Claim, error) {
	if f.fields[fieldFingerprint] != idem.Fingerprint {
		return Claim{}, session.ErrIdempotencyMismatch
	}
	id, err := session.ParseID(f.fields[fieldSession])
	if err != nil {
		return Claim{}, &session.CorruptError{Key: p.key(f.tag), Reason: "field session holds no session id"}
	}
	chain, err := parseTags(f.fields[fieldSessionChain])
	if err != nil {
		return Claim{}, &session.CorruptError{Key: p.key(f.tag), Reason: "field sessionChain: " + err.Error()}
	}
	return Claim{id, chain}, nil
}

// writeClaim puts a claim where there is none, or over one that has run out.
func (s *Store) writeClaim(ctx context.Context, p place, old found, c Claim, fingerprint string) error {
	chain := old.head.Chain
	if old.absent() {
		chain = s.claimChain()
	}
	stamp := session.Stamp{Epoch: 1, Version: old.head.Stamp.Version + 1, Op: s.NewOp()}
	fields := append(stampFields(stamp), fieldChain, formatTags(chain), fieldSession, string(c.Session),
		fieldSessionChain, formatTags(c.Chain), fieldFingerprint, fingerprint)
	st := newStep(p, "", "", image{stamp: stamp, fields: fields}, overChain(chain, old.head.Stamp))
	st.notAfter = s.redis.Now().Add(time.Minute)
	s.apply(ctx, st)
	return st.outcome()
}
