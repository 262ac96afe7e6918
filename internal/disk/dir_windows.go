package disk

import (
	"os"

	"golang.org/x/sys/windows"
)

// SyncDir does nothing: NTFS journals names itself, and directories cannot be synced.
func SyncDir(string) error { return nil }

// renameNew renames from to to unless to exists.
func renameNew(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(f, t, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
