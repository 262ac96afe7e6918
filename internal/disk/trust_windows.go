package disk

import (
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Access rights that allow changing a file, or replacing files in a directory. Adding files to a
// directory, which ProgramData allows everyone, is not one of them: it replaces nothing.
const (
	deleteChild = 0x40
	changeAny   = windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL
	changeFile  = changeAny | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA
	changeIn    = changeAny | deleteChild
)

func trusted(path string) error {
	at, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	everybody := anyUsers()
	for mask, here := uint32(changeFile), at; ; mask, here = changeIn, filepath.Dir(here) {
		if grants(here, everybody, mask) {
			return &WritableError{
				Path: here, File: path,
				Fix: `icacls "` + here + `" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F`,
			}
		}
		if filepath.Dir(here) == here || mask == changeIn { // the directory itself; its parents belong to the system
			return nil
		}
	}
}

// Protect restricts a directory and everything created in it to the system, administrators and an
// account (such as NT SERVICE\\relay).
func Protect(dir, account string) error {
	entries := make([]windows.EXPLICIT_ACCESS, 0, 3)
	add := func(sid *windows.SID, rights uint32) {
		entries = append(entries, windows.EXPLICIT_ACCESS{
			AccessPermissions: windows.ACCESS_MASK(rights), AccessMode: windows.GRANT_ACCESS,
			Inheritance: windows.SUB_CONTAINERS_AND_OBJECTS_INHERIT,
			Trustee:     windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeValue: windows.TrusteeValueFromSID(sid)},
		})
	}
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid} {
		sid, err := windows.CreateWellKnownSid(kind)
		if err != nil {
			return fmt.Errorf("protect %s: %w", dir, err)
		}
		add(sid, windows.GENERIC_ALL)
	}
	if account != "" {
		sid, _, _, err := windows.LookupSID("", account)
		if err != nil {
			return fmt.Errorf("protect %s: find account %s: %w", dir, account, err)
		}
		add(sid, windows.GENERIC_READ|windows.GENERIC_WRITE|windows.GENERIC_EXECUTE|windows.DELETE)
	}
	acl, err := windows.ACLFromEntries(entries, nil)
	if err == nil {
		err = windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
	}
	if err != nil {
		return fmt.Errorf("protect %s: %w", dir, err)
	}
	return nil
}

// AnyUserReads reports whether the groups that contain every user may read a directory.
func AnyUserReads(dir string) bool {
	return grants(dir, anyUsers(), windows.FILE_READ_DATA|windows.GENERIC_READ|windows.GENERIC_ALL)
}

// anyUsers returns the groups that contain every user of the machine.
func anyUsers() (out []*windows.SID) {
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid} {
		if sid, err := windows.CreateWellKnownSid(kind); err == nil {
			out = append(out, sid)
		}
	}
	return out
}

// grants reports whether the access list of path grants any of who a right in mask. Deny entries
// are ignored: they only remove rights.
func grants(path string, who []*windows.SID, mask uint32) bool {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return false
	}
	if dacl == nil {
		return true // no list: everyone may do everything
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if windows.GetAce(dacl, i, &ace) != nil || ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE ||
			ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 || uint32(ace.Mask)&mask == 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		for _, s := range who {
			if sid.Equals(s) {
				return true
			}
		}
	}
	return false
}
