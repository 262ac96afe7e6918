package advice

import (
	"fmt"
	"strings"
)

// NotTaken describes why n files in the spool directory are not imported, and what to
// do. reason is one of package spool; kinds are the endings of files of another kind.
func NotTaken(reason string, n int, kinds []string) (what, todo string) {
	files, are, theyAre, have := fmt.Sprintf("%d files", n), "are", "they are", "have"
	if n == 1 {
		files, are, theyAre, have = "1 file", "is", "it is", "has"
	}
	switch reason {
	case "kind":
		return files + " of another kind (" + strings.Join(kinds, ", ") + ")",
			"relay takes .csv, .tsv, .jsonl, .ndjson, .json and .txt, each also with .gz: save a workbook as CSV (in Excel: Save as, CSV UTF-8)"
	case "empty":
		return files + " that " + are + " empty", "drop the file again once it contains the sales, or remove it"
	case "unfinished":
		return files + " whose name says that it is not finished", "rename the file when it is complete"
	case "open":
		return files + " that a program has open for writing",
			"the program that writes it must close it; better, it writes under another name and renames the file when it is complete"
	case "restless":
		return files + " that " + are + " changed again and again, so that relay cannot tell when " + theyAre + " complete",
			"a file must not change for two seconds: configure the program to begin a new file for each export, write it under another name and rename it when it is complete"
	case "unreadable":
		return files + " that relay's user is not allowed to read", "allow relay's user to read the file: chmod g+r or o+r as its owner, or configure the program that writes it to do so"
	case "stuck":
		return files + " that cannot be moved or stored now, and " + have + " to wait",
			"relay tries again by itself; check the disk, the rights of relay's user in the directory, and the log, which has the system's error"
	case "no_file":
		entries := fmt.Sprintf("%d entries", n)
		if n == 1 {
			entries = "1 entry"
		}
		return entries + " that " + are + " not a regular file", "drop the files themselves, not folders or links"
	}
	return files + " (" + reason + ")", ""
}

// FilesRefused describes that n dropped files were refused, and what to do.
func FilesRefused(n int) (what, todo string) {
	what = fmt.Sprintf("%d files that were refused", n)
	if n == 1 {
		what = "1 file that was refused"
	}
	return what, "the report next to each file in the folder refused gives the reason: correct the file, drop it again, and remove the refused one (relay spool list, relay spool show)"
}

// SpoolBlocked describes why no file is imported from the spool directory.
func SpoolBlocked(problem string) (what, todo string) {
	return "no file is imported: " + problem, "relay's user must own the directory or be able to write to it, and the folders .work, done and refused in it must belong to relay's user"
}
