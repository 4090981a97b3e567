package config

import "testing"

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		listen, advertised string
		factor, want       int
	}{
		{"127.0.0.1", "127.0.0.1", 2, 0},
		{"0.0.0.0", "10.0.0.7", 2, 0},
		{"::1", "localhost", 3, 0},
		{"127.0.0.1", "10.0.0.7", 2, 1},
		{"0.0.0.0", "127.0.0.1", 1, 2},
	} {
		c := Default()
		c.Listen, c.AdvertisedHost, c.ReplicationFactor = row.listen, row.advertised, row.factor
		if got := c.Warnings(); len(got) != row.want {
			t.Errorf("%+v: %q", row, got)
		}
	}
}
