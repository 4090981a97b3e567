package scale

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

var (
	printTables   = flag.Bool("tables", false, "print the tables of docs/scale.md: minutes")
	takeoverRate  = flag.Float64("takeovers", 4200, "sessions that one survivor takes over in a second")
	someNodes     = []int{3, 10, 100, 1000}
	someSessions  = []int{100_000, 10_000_000, 100_000_000}
	somePartition = []int{256, 1024, 4096}
)

// The defaults that the tables reckon with, in seconds.
const (
	gossipInterval   = 1.0
	heartbeatTimeout = 5.0
	syncInterval     = 10.0
	leaseTTL         = 30.0
	recoverLimit     = 10.0 // of one run of the recover job, after which it begins again with a new view
)

// TestTables prints the tables of docs/scale.md; -run TestTables/2b prints one.
func TestTables(t *testing.T) {
	if !*printTables {
		t.Skip("prints for minutes: give -tables")
	}
	fmt.Printf("seed %d; -takeovers %g\n", seed, *takeoverRate)
	for _, one := range []struct {
		name  string
		print func()
	}{
		{"1a", tableOfPlacement}, {"1b", tableOfFirstChoices}, {"2a", tableOfFailoverWork}, {"2b", tableOfFailoverSlot}, {"3a", tableOfSync},
		{"3b", tableOfSettings}, {"4", tableOfSlot}, {"5", tableOfRenewal}, {"6", tableOfMemory},
	} {
		t.Run(one.name, func(*testing.T) { one.print() })
	}
}

// table prints rows as Markdown.
func table(title string, heads ...string) func(cells ...any) {
	fmt.Fprintf(os.Stdout, "\n%s\n\n| %s |\n|%s\n", title, strings.Join(heads, " | "), strings.Repeat(" --- |", len(heads)))
	return func(cells ...any) {
		text := make([]string, len(cells))
		for i, c := range cells {
			switch c := c.(type) {
			case int:
				text[i] = grouped(c)
			case float64:
				text[i] = figure(c)
			default:
				text[i] = fmt.Sprint(c)
			}
		}
		fmt.Fprintf(os.Stdout, "| %s |\n", strings.Join(text, " | "))
	}
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// figure writes a number with as many digits as mean something.
func figure(x float64) string {
	switch {
	case x >= 100:
		return grouped(int(math.Round(x)))
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	case x >= 1:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.095:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

// figures writes a number for each of someSessions.
func figures(of func(sessions int) float64) string {
	text := make([]string, len(someSessions))
	for i, s := range someSessions {
		text[i] = figure(of(s))
	}
	return strings.Join(text, " / ")
}

func percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }
