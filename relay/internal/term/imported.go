package term

import (
	"fmt"
	"strings"

	"relay/relay/internal/spool"
)

// Imported says what became of an imported file; report is where its refused rows are.
func Imported(name, report string, rep spool.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", name)
	if rep.Already {
		b.WriteString("was imported before, nothing to do (--run imports it anew): ")
	} else if rep.Resumed > 0 {
		fmt.Fprintf(&b, "went on behind row %d: ", rep.Resumed)
	}
	fmt.Fprintf(&b, "%s, %d stored", Count(int(rep.Rows), "row"), rep.Stored)
	if rep.Duplicates > 0 {
		fmt.Fprintf(&b, ", %d were there already", rep.Duplicates)
		if rep.Changed > 0 {
			fmt.Fprintf(&b, " (%d of them differ now, and stay stored as they were)", rep.Changed)
		}
	}
	if rep.Conflicts > 0 {
		fmt.Fprintf(&b, ", %d have the messageId of another event and are dead letters (id_conflict)", rep.Conflicts)
	}
	if rep.Joined > 0 {
		fmt.Fprintf(&b, ", %d of an order that another row began", rep.Joined)
	}
	if rep.Ignored > 0 {
		fmt.Fprintf(&b, ", %d other than track calls left out", rep.Ignored)
	}
	if rep.Refused > 0 {
		fmt.Fprintf(&b, ", %d refused (see %s)", rep.Refused, report)
	}
	return b.String()
}
