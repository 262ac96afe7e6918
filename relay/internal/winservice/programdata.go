package winservice

import "strings"

// belowProgramData reports whether a folder is below ProgramData, which all programs share.
func belowProgramData(dir, programData string) bool {
	dir, programData = strings.ReplaceAll(dir, "/", `\`), strings.TrimRight(strings.ReplaceAll(programData, "/", `\`), `\`)
	return programData != "" && len(dir) > len(programData)+1 && strings.EqualFold(dir[:len(programData)], programData) && dir[len(programData)] == '\\' &&
		!strings.Contains(dir, `\..`)
}
