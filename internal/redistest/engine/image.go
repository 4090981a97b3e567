package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"orchestrator/internal/redistest/host"
	"orchestrator/internal/redistest/scratch"
)

// pullTimeout is how long a registry has before an image is made here instead.
const pullTimeout = 20 * time.Second

// madeRepository holds the images this package makes.
const madeRepository = "orchestrator-test"

// Recipe says which image a server needs: one to pull, and how to make one
// from installed programs where no registry answers.
type Recipe struct {
	Name     string   // of the made image
	Pull     string   // such as "redis:7.2-alpine"
	Package  string   // Debian package that brings the programs
	Programs []string // by name, the first being the one that must be there
}

// made is the made image's name: another list of programs is another image.
func (r Recipe) made() string {
	sum := sha256.Sum256([]byte(strings.Join(r.Programs, " ")))
	return fmt.Sprintf("%s/%s:%x", madeRepository, r.Name, sum[:6])
}

// Image returns an image for the recipe and a few words on where it is from:
// one that is here, else a pulled one, else one made on the spot.
func (e *Engine) Image(ctx context.Context, r Recipe) (image, how string, err error) {
	release, err := scratch.Gate("image-" + r.Name)
	if err != nil {
		return "", "", err
	}
	defer release()
	if e.has(ctx, r.Pull) {
		return r.Pull, "was here", nil
	}
	if e.has(ctx, r.made()) {
		return r.made(), "made here earlier", nil
	}
	pulled := e.pull(ctx, r.Pull)
	if pulled == nil {
		return r.Pull, "pulled", nil
	}
	if err := e.make(ctx, r); err != nil {
		return "", "", fmt.Errorf("no image: %w", errors.Join(pulled, err))
	}
	return r.made(), "made here, for no registry gave " + r.Pull, nil
}

func (e *Engine) has(ctx context.Context, image string) bool {
	_, err := e.client.ImageInspect(ctx, image)
	return err == nil
}

func (e *Engine) pull(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	answer, err := e.client.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return fmt.Errorf("pull %s: %w", image, err)
	}
	defer answer.Close()
	return answer.Wait(ctx)
}

// make imports an image that holds the programs and the libraries they load.
func (e *Engine) make(ctx context.Context, r Recipe) error {
	if _, _, err := host.Program(ctx, r.Programs[0], r.Package); err != nil {
		return err
	}
	archive, err := bundle(ctx, r.Programs)
	if err != nil {
		return err
	}
	answer, err := e.client.ImageImport(ctx,
		client.ImageImportSource{Source: archive, SourceName: "-"}, r.made(),
		client.ImageImportOptions{Changes: []string{"ENV PATH=" + imagePath}})
	if err != nil {
		return fmt.Errorf("import %s: %w", r.made(), err)
	}
	defer answer.Close()
	said, err := io.ReadAll(answer)
	if err == nil && !e.has(ctx, r.made()) {
		err = fmt.Errorf("import %s: %s", r.made(), said)
	}
	return err
}
