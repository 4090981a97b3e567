package dashboard

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"
)

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":        func() template.CSS { return template.CSS(style) },
	"refresh":      func() int { return Refresh },
	"pathFleet":    func() string { return PathFleet },
	"pathSessions": func() string { return PathSessions },
	"since":        since,
	"until":        until,
	"exact":        exact,
	"size":         size,
	"indented":     indented,
	"happened":     happened,
}).Parse(pageText))

// since says how long before now a time was.
func since(now, t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return rough(now.Sub(t)) + " ago"
}

// until says how long after now a time is.
func until(now, t time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case t.Before(now):
		return since(now, t)
	}
	return "in " + rough(t.Sub(now))
}

// rough writes a duration in its greatest unit: nobody reads the rest at a glance. Clocks of two machines may make it negative.
func rough(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// exact is a time in full.
func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// size writes bytes in MiB.
func size(n int64) string {
	if n <= 0 {
		return "not known"
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

// indented writes a value as JSON.
func indented(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // the page does
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return b.String()
}

// happened is what an event's type says after the dot, by which it is coloured.
func happened(kind any) string {
	_, what, _ := strings.Cut(fmt.Sprint(kind), ".")
	return what
}
