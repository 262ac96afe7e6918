package term

import (
	"fmt"
	"strings"

	"relay/relay/internal/spool"
)

// Imported returns the result of an import as one line. report is the file with the
// refused rows.
func Imported(name, report string, rep spool.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", name)
	if rep.Already {
		b.WriteString("already imported, nothing to do (--run imports it again): ")
	} else if rep.Resumed > 0 {
		fmt.Fprintf(&b, "continued after row %d: ", rep.Resumed)
	}
	fmt.Fprintf(&b, "%s, %d stored", Count(int(rep.Rows), "row"), rep.Stored)
	if rep.Duplicates > 0 {
		fmt.Fprintf(&b, ", %d already stored", rep.Duplicates)
		if rep.Changed > 0 {
			fmt.Fprintf(&b, " (%d of them changed since; the stored events stay as they are)", rep.Changed)
		}
	}
	if rep.Conflicts > 0 {
		fmt.Fprintf(&b, ", %d have the messageId of another event and are dead letters (id_conflict)", rep.Conflicts)
	}
	if rep.Joined > 0 {
		fmt.Fprintf(&b, ", %d added to the order of an earlier row", rep.Joined)
	}
	if rep.Ignored > 0 {
		fmt.Fprintf(&b, ", %d ignored (not track calls)", rep.Ignored)
	}
	if rep.Refused > 0 {
		fmt.Fprintf(&b, ", %d refused (see %s)", rep.Refused, report)
	}
	return b.String()
}
