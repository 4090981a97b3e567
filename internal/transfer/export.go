package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"orchestrator/client"
)

// CutOff says that an export did not come to its end: everything before the page at Token was written, and perhaps some of that page.
type CutOff struct {
	Token string // empty: from the beginning
	Err   error
}

// Error says how to go on.
func (c *CutOff) Error() string {
	if c.Token == "" {
		return c.Err.Error()
	}
	return fmt.Sprintf("%v\ngo on with the same selection and --resume-from %s", c.Err, c.Token)
}

// Unwrap returns why it was cut off.
func (c *CutOff) Unwrap() error { return c.Err }

// Export writes the sessions selected, each as a line of JSON in the API's own form, page by page from sel.PageToken on. written is told how
// many there are so far. It fails with *CutOff. Sessions made or deleted meanwhile may be in it or not; all others are, once.
func Export(ctx context.Context, from *client.Client, sel client.Selection, w io.Writer, written func(sessions int)) error {
	if sel.Limit == 0 {
		sel.Limit = 500
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for n := 0; ; {
		page, err := from.ListSessions(ctx, sel)
		if err != nil {
			return &CutOff{sel.PageToken, err}
		}
		lines.Reset()
		for _, s := range page.Sessions {
			if err := enc.Encode(s); err != nil {
				return &CutOff{sel.PageToken, err}
			}
		}
		if _, err := w.Write(lines.Bytes()); err != nil {
			return &CutOff{sel.PageToken, err}
		}
		n += len(page.Sessions)
		written(n)
		if sel.PageToken = page.Next; page.Next == "" {
			return nil
		}
	}
}
