package fleet

import (
	"orchestrator/internal/assignments"
	"orchestrator/internal/balancer"
	"orchestrator/internal/handover"
	"orchestrator/internal/lease"
	"orchestrator/internal/redisx"
	"orchestrator/internal/registry"
	"orchestrator/internal/sessionstore"
)

var (
	_ Members    = (*registry.Registry)(nil)
	_ Undertaker = (*registry.Registry)(nil)
	_ Placer     = (*balancer.Balancer)(nil)
	_ Accounts   = (*balancer.Balancer)(nil)
	_ Leases     = (*lease.Manager)(nil)
	_ Store      = (*sessionstore.Store)(nil)
	_ Requests   = (*handover.Requests)(nil)
	_ Roster     = (*assignments.Board)(nil)
)

var _ Redis = (*redisx.Client)(nil)
