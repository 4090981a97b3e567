package registry

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// residentBytes measures this process's resident memory as Linux tells it (proc(5), /proc/self/statm, second field in pages);
// elsewhere it is what the Go runtime got from the system.
func residentBytes() int64 {
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 1 {
			if pages, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
