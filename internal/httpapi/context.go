package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) getContext(c *gin.Context, q query) error {
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	consistency, err := consistencyOf(q)
	if err != nil {
		return err
	}
	known, err := entityTags("If-None-Match", c.Request.Header)
	if err != nil {
		return err
	}
	is, err := a.cfg.Contexts.Context(c.Request.Context(), id, consistency)
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("ETag", quote(is.Stamp.String()))
	h.Set("Last-Modified", is.UpdatedAt.UTC().Format(http.TimeFormat))
	if holds(known, is.Stamp) {
		c.Status(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox") // whoever wrote it is not who serves it
	send(c, http.StatusOK, is.Type, is.Data)
	return nil
}

func (a *api) putContext(c *gin.Context, _ query) error {
	id, cond, err := contextTarget(c)
	if err != nil {
		return err
	}
	to := session.Context{Type: session.DefaultContextType}
	if given, ok, err := single(c.Request.Header, "Content-Type"); err != nil {
		return err
	} else if ok {
		to.Type = given
	}
	if enc := c.GetHeader("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return unsupportedMediaType.because("Content-Encoding " + enc + " is not kept: send the body as it is")
	}
	if to.Data, err = readLimited(c, session.MaxContext); err != nil {
		return err
	}
	if err := to.Validate(); err != nil {
		return err
	}
	stamp, made, err := a.cfg.Contexts.PutContext(c.Request.Context(), id, to, cond)
	if err != nil {
		return err
	}
	c.Header("ETag", quote(stamp.String()))
	if made {
		c.Status(http.StatusCreated)
	} else {
		c.Status(http.StatusNoContent)
	}
	return nil
}

func (a *api) deleteContext(c *gin.Context, _ query) error {
	id, cond, err := contextTarget(c)
	if err != nil {
		return err
	}
	if err := a.cfg.Contexts.DropContext(c.Request.Context(), id, cond); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// contextTarget reads which session's context a write is for, and on what condition. If-None-Match may ask for one thing: that there be none.
func contextTarget(c *gin.Context) (session.ID, session.Condition, error) {
	id, cond, err := target(c)
	if err != nil {
		return id, cond, err
	}
	tags, err := entityTags("If-None-Match", c.Request.Header)
	if err != nil {
		return id, cond, err
	}
	if cond.Absent = len(tags) == 1 && tags[0].any; len(tags) > 0 && !cond.Absent {
		err = session.Invalid("If-None-Match", "must be *: write only where there is no context yet")
	}
	return id, cond, err
}
