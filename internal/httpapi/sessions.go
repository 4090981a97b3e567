package httpapi

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) createSession(c *gin.Context, q query) error {
	dryRun, err := boolean(q, "dryRun")
	if err != nil {
		return err
	}
	if err := refuse(c.Request.Header, "If-Match", epochHeader); err != nil {
		return err
	}
	members, err := readObject(c, typeJSON)
	if err != nil {
		return err
	}
	draft, err := decodeDraft(members)
	if err != nil {
		return err
	}
	if dryRun {
		return a.dryRun(c, draft)
	}
	idem, err := idempotency(c.Request.Header, members)
	if err != nil {
		return err
	}
	s, created, err := a.cfg.Sessions.Create(c.Request.Context(), draft, idem)
	if err != nil {
		return err
	}
	c.Header("Location", "/v1/sessions/"+string(s.ID))
	if !created {
		return replySession(c, http.StatusOK, s)
	}
	return replySession(c, http.StatusCreated, s)
}

func (a *api) getSession(c *gin.Context, q query) error {
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
	s, err := a.cfg.Sessions.Get(c.Request.Context(), id, consistency)
	if err != nil {
		return err
	}
	setAge(c, s)
	if holds(known, s.ETag()) {
		setStamp(c, s)
		c.Status(http.StatusNotModified)
		return nil
	}
	return replySession(c, http.StatusOK, s)
}

func (a *api) patchSession(c *gin.Context, _ query) error {
	id, cond, err := target(c)
	if err != nil {
		return err
	}
	members, err := readObject(c, typeMergePatch, typeJSON)
	if err != nil {
		return err
	}
	patch, err := decodePatch(members)
	if err != nil {
		return err
	}
	s, err := a.cfg.Sessions.Update(c.Request.Context(), id, patch, cond)
	if err != nil {
		return err
	}
	return replySession(c, http.StatusOK, s)
}

func (a *api) deleteSession(c *gin.Context, q query) error {
	id, cond, err := target(c)
	if err != nil {
		return err
	}
	if cond.LastMessage, err = knownMessage(q); err != nil {
		return err
	}
	if cond.Context, err = knownContext(q); err != nil {
		return err
	}
	if err := a.cfg.Sessions.Delete(c.Request.Context(), id, cond); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// migrateSession offers no conditions: the use case takes none, and a migration repeated moves the session again.
func (a *api) migrateSession(c *gin.Context, _ query) error {
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	if err := refusePromises(c.Request.Header); err != nil {
		return err
	}
	members, err := readOptionalObject(c)
	if err != nil {
		return err
	}
	to, err := decodeTarget(members)
	if err != nil {
		return err
	}
	s, err := a.cfg.Catalog.Migrate(c.Request.Context(), id, to)
	if err != nil {
		return err
	}
	return replySession(c, http.StatusOK, s)
}

// target reads which session a write is for, and on what condition. An idempotency key is refused: a proxy may take it for leave to send the
// request again, and so make a change twice.
func target(c *gin.Context) (session.ID, session.Condition, error) {
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		return "", session.Condition{}, err
	}
	if err := refuse(c.Request.Header, idempotencyHeader); err != nil {
		return "", session.Condition{}, err
	}
	cond, err := condition(c.Request.Header)
	return id, cond, err
}

func consistencyOf(q query) (session.Consistency, error) {
	switch s := q.get("consistency"); {
	case !q.has("consistency"), s == "linearizable":
		return session.Linearizable, nil
	case s == "eventual":
		return session.Eventual, nil
	}
	return 0, session.Invalid("consistency", "must be linearizable or eventual")
}

func replySession(c *gin.Context, status int, s session.Session) error {
	setStamp(c, s)
	return reply(c, status, (*sessionView)(&s))
}

// staleHeader marks an answer from a cache while Redis cannot be asked.
const staleHeader = "X-Orchestrator-Stale"

// setAge tells how many seconds ago a session was read that a cache answered with (RFC 9111, section 5.1).
func setAge(c *gin.Context, s session.Session) {
	if s.Age > 0 {
		c.Header("Age", strconv.Itoa(int(s.Age.Seconds())))
	}
	if s.Stale {
		c.Header(staleHeader, "true")
	}
}

// setStamp names the session's state: the ETag for If-Match, the epoch for whoever acts as its holder.
func setStamp(c *gin.Context, s session.Session) {
	c.Header("ETag", quote(s.ETag().String()))
	c.Header(epochHeader, strconv.FormatUint(s.Stamp.Epoch, 10))
}
