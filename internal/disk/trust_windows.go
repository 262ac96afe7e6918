package disk

import (
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Rights of an access list that let somebody change a file, or replace what lies
// in a folder. To add files to a folder, which ProgramData grants everybody, is
// not among them: it replaces nothing.
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
		if filepath.Dir(here) == here || mask == changeIn { // the folder itself; what is above is the system's
			return nil
		}
	}
}

// Protect gives a folder and what is made in it to the system, to administrators
// and to an account (such as NT SERVICE\\relay), and to nobody else.
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

// AnyUserReads says whether the groups that every user is in may read a folder.
func AnyUserReads(dir string) bool {
	return grants(dir, anyUsers(), windows.FILE_READ_DATA|windows.GENERIC_READ|windows.GENERIC_ALL)
}

// anyUsers are the groups that every user of the machine is in.
func anyUsers() (out []*windows.SID) {
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid} {
		if sid, err := windows.CreateWellKnownSid(kind); err == nil {
			out = append(out, sid)
		}
	}
	return out
}

// grants says whether the access list of path gives one of who a right of mask.
// Entries that deny are not read: they only take away.
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
		return true // no list: everybody may do everything
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
