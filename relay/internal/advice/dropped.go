package advice

import (
	"fmt"
	"strings"
)

// NotTaken says of n files in the directory of dropped files why they are not taken, and
// what helps. reason is one of package spool; kinds are those of files of another kind.
func NotTaken(reason string, n int, kinds []string) (what, todo string) {
	files, are, their, have := fmt.Sprintf("%d files", n), "are", "their", "have"
	if n == 1 {
		files, are, their, have = "1 file", "is", "its", "has"
	}
	switch reason {
	case "kind":
		return files + " of another kind (" + strings.Join(kinds, ", ") + ")",
			"relay takes .csv, .tsv, .jsonl, .ndjson, .json and .txt, each also with .gz: save a workbook as CSV (in Excel: Save as, CSV UTF-8)"
	case "empty":
		return files + " that " + are + " empty", "drop the file when it holds the sales, or remove it"
	case "unfinished":
		return files + " whose name says that it is not finished", "rename the file when it is complete"
	case "open":
		return files + " that a program has open for writing",
			"the program that writes it must close it; better, it writes under another name and renames the file when it is complete"
	case "restless":
		return files + " that " + are + " changed again and again, so that " + their + " end cannot be told",
			"a file must not change for two seconds: have the program begin a new file for each export, write it under another name and rename it when it is complete"
	case "unreadable":
		return files + " that relay's user may not read", "give relay's user the right to read the file: as its owner, chmod g+r or o+r, or have the program that writes it do so"
	case "stuck":
		return files + " that cannot be moved or stored now, and " + have + " to wait",
			"relay tries again by itself; look at the disk, at the rights of relay's user in the directory, and in the log, which has the system's words"
	case "no_file":
		entries := fmt.Sprintf("%d entries", n)
		if n == 1 {
			entries = "1 entry"
		}
		return entries + " that " + are + " no plain file", "drop the files themselves, not folders or links"
	}
	return files + " (" + reason + ")", ""
}

// FilesRefused says that n dropped files were refused, and what helps.
func FilesRefused(n int) (what, todo string) {
	todo = "the report beside it in refused says why: correct the file, drop it again, and remove the refused one (relay spool list, relay spool show)"
	if n == 1 {
		return "1 file that was refused", todo
	}
	return fmt.Sprintf("%d files that were refused", n),
		"the report beside each in refused says why: correct the file, drop it again, and remove the refused one (relay spool list, relay spool show)"
}

// SpoolBlocked says that nothing is taken from the directory of dropped files.
func SpoolBlocked(problem string) (what, todo string) {
	return "nothing is taken: " + problem, "relay's user must own or be able to write into the directory, and the folders .work, done and refused in it must be relay's own"
}
