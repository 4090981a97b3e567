package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
)

func TestFlagsAreHeldToTheirLimits(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-peer zookeeper", "-peer etcd,", "-callers 0", "-callers 5000", "-sessions -1", "-takeover -1", "-body 0", "-body 300000",
		"-rounds 0", "-duration 2h", "-duration -1s", "-lease 500ms", "-lease 1500ms", "-o yaml",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		var bad badFlag
		if !errors.As(err, &bad) || !strings.HasPrefix(args, "-"+bad.Flag+" ") {
			t.Errorf("%s: %v", args, err)
		}
	}
	if _, err := parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}
