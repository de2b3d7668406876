//! Mounted file systems.

use crate::clock::Timestamp;

use super::super::host::{Host, Platform};
use super::Row;

/// The mounted file systems; Windows has no such table.
pub(super) fn mounts(host: &Host, _: Timestamp) -> Vec<Row> {
    let known: &[(&str, &str, &str, &str, i64)] = match host.platform {
        Platform::Linux => &[
            ("/dev/vda2", "/", "ext4", "rw,relatime", 100),
            ("/dev/vda1", "/boot/efi", "vfat", "rw,relatime,fmask=0077", 1),
            ("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime", 0),
            ("sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime", 0),
            ("tmpfs", "/run", "tmpfs", "rw,nosuid,nodev,size=1638400k", 2),
            ("tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev", 8),
        ],
        Platform::Darwin => &[
            ("/dev/disk3s1s1", "/", "apfs", "journaled,multilabel,read-only", 494),
            ("devfs", "/dev", "devfs", "multilabel", 0),
            ("/dev/disk3s5", "/System/Volumes/Data", "apfs", "journaled,multilabel,nobrowse", 494),
            ("/dev/disk3s6", "/System/Volumes/VM", "apfs", "journaled,multilabel,nobrowse", 494),
        ],
        Platform::Windows => &[],
    };
    let mut draw = host.draw("mounts");
    known
        .iter()
        .map(|(device, path, kind, flags, gibibytes)| {
            let blocks = gibibytes << 18;
            let free = blocks * draw.between(5, 90) / 100;
            Row::new()
                .text("device", *device)
                .text("device_alias", *device)
                .text("path", *path)
                .text("type", *kind)
                .int("blocks_size", 4_096)
                .int("blocks", blocks)
                .int("blocks_free", free)
                .int("blocks_available", free * 95 / 100)
                .int("inodes", blocks / 4)
                .int("inodes_free", free / 4)
                .text("flags", *flags)
        })
        .collect()
}

/// The drives of Windows; other systems have no such table.
pub(super) fn logical_drives(host: &Host, _: Timestamp) -> Vec<Row> {
    let size = 512_i64 << 30;
    let free = size / 100 * host.draw("drives").between(5, 90);
    vec![
        Row::new()
            .text("device_id", "C:")
            .text("type", "Unknown")
            .text("description", "Local Fixed Disk")
            .int("free_space", free)
            .int("size", size)
            .text("file_system", "NTFS")
            .int("boot_partition", 1),
    ]
}
