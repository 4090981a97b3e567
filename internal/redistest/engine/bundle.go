package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// imagePath is where a made image looks for programs.
const imagePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// bundle packs installed programs and every library they load, each under its
// own path, and the directories a server expects.
func bundle(ctx context.Context, programs []string) (io.Reader, error) {
	var paths []string
	for _, p := range programs {
		path, err := exec.LookPath(p)
		if err != nil {
			continue // only the first program is needed, and it was found
		}
		libraries, err := libraries(ctx, path)
		if err != nil {
			return nil, err
		}
		paths = append(append(paths, path), libraries...)
	}
	slices.Sort(paths)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, dir := range []string{"tmp/", "srv/", "etc/", "run/", "var/", "var/run/"} {
		if err := w.WriteHeader(&tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o1777}); err != nil {
			return nil, err
		}
	}
	for _, path := range slices.Compact(paths) {
		if err := pack(w, path); err != nil {
			return nil, err
		}
	}
	return &out, w.Close()
}

// pack adds one file's bytes under the path it is known by, whatever links
// lead there.
func pack(w *tar.Writer, path string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	h := &tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o755, Size: int64(len(body))}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// libraries returns the loader and the shared libraries of a program, as the
// loader itself would find them; a static program has none.
func libraries(ctx context.Context, program string) ([]string, error) {
	loader, err := interpreter(program)
	if err != nil || loader == "" {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, loader, "--list", program).Output()
	if err != nil {
		return nil, fmt.Errorf("libraries of %s: %w", program, err)
	}
	found := []string{loader}
	for line := range strings.Lines(string(out)) {
		for _, word := range strings.Fields(line) {
			if filepath.IsAbs(word) {
				found = append(found, word)
			}
		}
	}
	return found, nil
}

// interpreter is the loader that a program names in its header.
func interpreter(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			return strings.TrimRight(string(name), "\x00"), err
		}
	}
	return "", nil
}
