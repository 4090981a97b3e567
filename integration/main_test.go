package integration

import (
	"testing"

	"orchestrator/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }
