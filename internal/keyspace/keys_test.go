package keyspace

import (
	"testing"
	"time"
)

func TestTagsLieAtTheirSlots(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{1, 16, 256, 4096} {
		k, err := New("orch", partitions)
		if err != nil {
			t.Fatal(err)
		}
		for p := range partitions {
			home := p * Slots / partitions
			if got := k.HomeSlot(p); got != home {
				t.Fatalf("partition %d of %d lies at slot %d, want %d", p, partitions, got, home)
			}
			for tag := 1; tag <= CopyTags; tag++ {
				if got, want := k.CopySlot(p, tag), (home+tag*2048)%Slots; got != want {
					t.Fatalf("partition %d of %d: copy tag %d lies at slot %d, want %d", p, partitions, tag, got, want)
				}
			}
		}
	}
}

func TestNewIsQuick(t *testing.T) {
	start := time.Now()
	if _, err := New("orch", 256); err != nil {
		t.Fatal(err)
	}
	t.Logf("tags of 256 partitions in %s", time.Since(start))
}
