package winservice

import "strings"

// belowProgramData says whether a folder of Windows lies below ProgramData, and is
// not that folder itself, which is every program's.
func belowProgramData(dir, programData string) bool {
	dir, programData = strings.ReplaceAll(dir, "/", `\`), strings.TrimRight(strings.ReplaceAll(programData, "/", `\`), `\`)
	return programData != "" && len(dir) > len(programData)+1 && strings.EqualFold(dir[:len(programData)], programData) && dir[len(programData)] == '\\' &&
		!strings.Contains(dir, `\..`)
}
