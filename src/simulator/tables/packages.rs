//! Installed software: Debian and RPM packages, Homebrew, macOS applications, Windows programs.

use crate::clock::Timestamp;

use super::super::catalog::Packaging;
use super::super::draw::Draw;
use super::super::host::Host;
use super::Row;
use super::software::{self, Package};

/// What a host has of `known`, each with a stream of numbers of its own; nothing if it installs differently.
fn installed(host: &Host, packaging: Packaging, known: &'static [Package]) -> Vec<(&'static Package, Draw)> {
    if host.os.packaging != packaging {
        return Vec::new();
    }
    let mut draw = host.draw("packages");
    let chosen = known.iter().filter(|package| draw.between(0, 100) < package.share);
    chosen.map(|package| (package, host.draw(package.name))).collect()
}

/// Debian packages.
pub(super) fn deb_packages(host: &Host, _: Timestamp) -> Vec<Row> {
    installed(host, Packaging::Deb, software::DEB)
        .into_iter()
        .map(|(package, mut draw)| {
            Row::new()
                .text("name", package.name)
                .text("version", package.version)
                .text("source", "")
                .int("size", draw.between(40, 90_000))
                .text("arch", "amd64")
                .text("revision", package.version.rsplit_once('-').map_or("", |(_, revision)| revision))
                .text("status", "install ok installed")
                .text("maintainer", "Example Developers <packages@example.com>")
                .text("section", package.extra)
                .text("priority", if package.share == 100 { "important" } else { "optional" })
                .text("admindir", "/var/lib/dpkg")
        })
        .collect()
}

/// RPM packages.
pub(super) fn rpm_packages(host: &Host, _: Timestamp) -> Vec<Row> {
    installed(host, Packaging::Rpm, software::RPM)
        .into_iter()
        .map(|(package, mut draw)| {
            let (version, release) = package.version.split_once('-').unwrap_or((package.version, "1"));
            Row::new()
                .text("name", package.name)
                .text("version", version)
                .text("release", release)
                .text("source", format!("{}-{}.src.rpm", package.name, package.version))
                .int("size", draw.between(40_000, 90_000_000))
                .text("sha1", draw.hex(40))
                .text("arch", "x86_64")
                .int("epoch", 0)
                .int("install_time", draw.between(1_720_000_000, 1_760_000_000))
                .text("vendor", host.os.name)
                .text("package_group", package.extra)
        })
        .collect()
}

/// Formulas and casks of Homebrew.
pub(super) fn homebrew_packages(host: &Host, _: Timestamp) -> Vec<Row> {
    installed(host, Packaging::Brew, software::BREW)
        .into_iter()
        .map(|(package, _)| {
            let folder = if package.extra == "cask" { "Caskroom" } else { "Cellar" };
            Row::new()
                .text("name", package.name)
                .text("path", format!("/opt/homebrew/{folder}/{}", package.name))
                .text("version", package.version)
                .text("type", package.extra)
                .int("auto_updates", 0)
                .text("app_name", "")
        })
        .collect()
}

/// Applications of macOS.
pub(super) fn apps(host: &Host, now: Timestamp) -> Vec<Row> {
    installed(host, Packaging::Brew, software::APPS)
        .into_iter()
        .map(|(package, draw)| app(package, draw, now))
        .collect()
}

/// The row of an application.
fn app(package: &Package, mut draw: Draw, now: Timestamp) -> Row {
    let name = package.name;
    let opened = f64::from(u32::try_from(now.0 / 1000 - draw.between(60, 3_000_000)).unwrap_or(0)) + 0.5;
    Row::new()
        .text("name", format!("{name}.app"))
        .text("path", format!("/Applications/{name}.app"))
        .text("bundle_executable", name)
        .text("bundle_identifier", package.extra)
        .text("bundle_name", name)
        .text("bundle_short_version", package.version)
        .text("bundle_version", package.version)
        .text("bundle_package_type", "APPL")
        .text("environment", "")
        .text("element", "")
        .text("compiler", "com.apple.compilers.llvm.clang.1_0")
        .text("development_region", "en")
        .text("display_name", name)
        .text("info_string", "")
        .text("minimum_system_version", "12.0")
        .text("category", "")
        .text("applescript_enabled", "")
        .text("copyright", "")
        .real("last_opened_time", opened)
}

/// Programs of Windows.
pub(super) fn programs(host: &Host, _: Timestamp) -> Vec<Row> {
    installed(host, Packaging::Msi, software::MSI)
        .into_iter()
        .map(|(package, mut draw)| {
            let code = format!("{{{}}}", draw.uuid().to_uppercase());
            Row::new()
                .text("name", package.name)
                .text("version", package.version)
                .text("install_location", "")
                .text("install_source", "")
                .text("language", "1033")
                .text("publisher", package.extra)
                .text("uninstall_string", format!("MsiExec.exe /X{code}"))
                .text("install_date", format!("2025{:02}{:02}", draw.between(1, 13), draw.between(1, 29)))
                .text("identifying_number", code)
                .text("package_family_name", "")
                .text("upgrade_code", "")
        })
        .collect()
}
