package system

import (
	"context"

	"semantik/platform/metrics"
	"semantik/platform/web"
)

// Disk is the one that the data is on.
type Disk struct {
	// Size and Free are bytes; what only the system's own may use is not free.
	Size, Free uint64
}

// Full is what counts as nearly full: less than a twentieth is free, or less than 512 MiB,
// whichever is less of a small disk.
func (d Disk) Full() bool {
	const least = 512 << 20
	return d.Size > 0 && (d.Free < d.Size/20 || d.Free < min(least, d.Size/2))
}

// DiskFigures declares the figures of the disk that the folder is on.
func DiskFigures(r *metrics.Registry, folder string) {
	r.GaugeFunc("semantik_data_disk_free_bytes", "Bytes that are free on the disk of SEMANTIK_DATA.", func() float64 {
		d, _ := readDisk(folder)
		return float64(d.Free)
	})
	r.GaugeFunc("semantik_data_disk_size_bytes", "Bytes of the disk of SEMANTIK_DATA; 0 where the system does not tell.", func() float64 {
		d, _ := readDisk(folder)
		return float64(d.Size)
	})
}

// CheckDisk is the readiness of the disk that the folder is on: one that is nearly full is
// degraded, since reading goes on.
func CheckDisk(folder string) web.Check {
	return web.Check{Name: "disk", Optional: true, Probe: func(context.Context) web.Health {
		d, err := readDisk(folder)
		if err != nil {
			return web.Health{Status: web.StatusHealthy, Message: "This system does not tell how full its disk is."}
		}
		h := web.Health{Status: web.StatusHealthy, Message: "There is room on the disk."}
		if d.Full() {
			h.Status, h.Message = web.StatusDegraded, "The disk of the data directory is nearly full: make room, or loads will fail."
		}
		return h
	}}
}
