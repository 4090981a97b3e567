package httpapi

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

func TestEventsCarryIDs(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(&deadlined{rec})
	c.Request = httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	out := openEvents(c, time.Second)
	require.NoError(t, out.send("valid", endView{"a"}))
	require.NoError(t, out.sendAt("17-1", "message", endView{"b"}))
	require.Equal(t, "event: valid\ndata: {\"reason\":\"a\"}\n\nid: 17-1\nevent: message\ndata: {\"reason\":\"b\"}\n\n", rec.Body.String())
}

// deadlined is a recorder that takes deadlines, as a connection does.
type deadlined struct{ *httptest.ResponseRecorder }

func (*deadlined) SetWriteDeadline(time.Time) error { return nil }
