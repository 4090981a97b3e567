package main

import (
	"context"

	"orchestrator/internal/assignments"
	"orchestrator/internal/fleet"
)

// board is the node's board as the door wants it: a stream begins with what the service has just read.
type board struct {
	*assignments.Board
	service *fleet.Service
}

func (b board) Follow(ctx context.Context) (*assignments.Follower, error) {
	return b.service.Follow(ctx)
}
