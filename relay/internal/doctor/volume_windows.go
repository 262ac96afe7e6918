package doctor

import "golang.org/x/sys/windows"

func statVolume(dir string) (volume, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return volume{}, err
	}
	var free, total, totalFree uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, &total, &totalFree); err != nil {
		return volume{}, err
	}
	return volume{size: int64(total), free: int64(free)}, nil
}
