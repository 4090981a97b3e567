// Package host finds programs on the machine that runs the tests and installs
// those that are missing where that is possible. It is imported by tests'
// harnesses only.
package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"orchestrator/internal/redistest/scratch"
)

// installTimeout limits one installation, index update included.
const installTimeout = 3 * time.Minute

// Program returns the path of an installed program. A missing one is installed
// from its Debian package by root; installed reports that this happened.
func Program(ctx context.Context, name, debPackage string) (path string, installed bool, err error) {
	if path, err = exec.LookPath(name); err == nil {
		return path, false, nil
	}
	release, err := scratch.Gate("install")
	if err != nil {
		return "", false, err
	}
	defer release()
	// Somebody else may have installed it while this test binary waited.
	if path, err = exec.LookPath(name); err == nil {
		return path, false, nil
	}
	if err := install(ctx, debPackage); err != nil {
		return "", false, fmt.Errorf("%s is not installed: %w", name, err)
	}
	path, err = exec.LookPath(name)
	return path, true, err
}

func install(ctx context.Context, debPackage string) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("no apt-get here either; install %s by hand", debPackage)
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("only root can: sudo apt-get install %s", debPackage)
	}
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	if err := run(ctx, apt, "install", debPackage); err == nil {
		return nil
	}
	// A new machine has no package index yet.
	if err := run(ctx, apt, "update"); err != nil {
		return err
	}
	return run(ctx, apt, "install", debPackage)
}

func run(ctx context.Context, apt, verb string, packages ...string) error {
	args := append([]string{"-y", "-o", "DPkg::Lock::Timeout=120", verb}, packages...)
	if verb == "install" {
		args = append(args, "--no-install-recommends")
	}
	cmd := exec.CommandContext(ctx, apt, args...)
	// Nobody is there to answer a question, and no service is to be started.
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s %v: %w\n%s", verb, packages, err, out)
	}
	return nil
}
