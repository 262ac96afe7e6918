package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"relay/relay/internal/spool"
)

var (
	descSpoolFiles   = desc("relay_spool_files", "Files in the directory of dropped files: `waiting` are about to be taken or being stored; the others are not taken, by reason.", "state")
	descSpoolKept    = desc("relay_spool_kept_files", "Files that stay: stored ones in `done`; refused ones, and reports of refused rows, in `refused`.", "dir")
	descSpoolRefused = desc("relay_spool_refused_files", "Dropped files that were refused and lie in `refused`, without the reports beside them.")
	descSpoolUsable  = desc("relay_spool_usable", "1 when the directory of dropped files can be used.")
)

// collectSpool says what lies in the directory of dropped files, if there is one.
func collectSpool(st *spool.DirectoryStatus, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	if st == nil {
		return
	}
	gauge(descSpoolFiles, float64(st.Waiting), "waiting")
	for _, why := range spool.Reasons() {
		gauge(descSpoolFiles, float64(st.NotTaken[why]), string(why))
	}
	gauge(descSpoolKept, float64(st.Done), "done")
	gauge(descSpoolKept, float64(st.Refused), "refused")
	gauge(descSpoolRefused, float64(st.RefusedFiles))
	gauge(descSpoolUsable, oneIf(st.Problem == ""))
}
