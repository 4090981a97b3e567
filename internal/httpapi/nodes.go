package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) listNodes(c *gin.Context, _ query) error {
	nodes, err := a.cfg.Nodes.Nodes(c.Request.Context())
	if err != nil {
		return err
	}
	view := nodesView{Nodes: make([]nodeView, len(nodes))}
	for i, n := range nodes {
		view.Nodes[i] = viewNode(n)
	}
	return reply(c, http.StatusOK, view)
}

func (a *api) getNode(c *gin.Context, _ query) error {
	id, err := nodeID(c)
	if err != nil {
		return err
	}
	n, err := a.cfg.Nodes.Node(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, viewNode(n))
}

func (a *api) cordonNode(c *gin.Context, _ query) error   { return a.setState(c, session.Cordoned) }
func (a *api) uncordonNode(c *gin.Context, _ query) error { return a.setState(c, session.Ready) }

func (a *api) setState(c *gin.Context, state session.NodeState) error {
	id, err := nodeID(c)
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
	if err := read(members).done(); err != nil { // the route has no fields
		return err
	}
	n, err := a.cfg.Nodes.SetState(c.Request.Context(), id, state)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, viewNode(n))
}

// nodeID reads the node in the path; the error names it as the path does.
func nodeID(c *gin.Context) (session.NodeID, error) { return session.ParseNodeID(c.Param("id")) }
