//go:build !linux

package server

import (
	"errors"
	"time"
)

// used is not known where there is no /proc.
func used(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
