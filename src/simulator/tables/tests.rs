//! Every table of every platform is whole, in order, and the same each time.

use super::super::catalog::{CURRENT, Packaging};
use super::super::host::Platform;
use super::*;

const NOW: Timestamp = Timestamp(1_763_800_000_000);

fn hosts() -> impl Iterator<Item = Host> {
    (0..40).map(|index| Host::new(11, index, &CURRENT))
}

/// The rows of a table that is known to exist.
fn rows(host: &Host, table: &Table) -> Vec<Row> {
    generator(table.name).expect(table.name)(host, NOW)
}

#[test]
fn every_value_has_its_column_in_the_order_of_the_table() {
    for host in hosts() {
        for table in of_platform(host.platform) {
            let order: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            for row in rows(&host, &table) {
                let given: Vec<&str> = row.0.iter().map(|(name, _)| *name).collect();
                let mut expected = order.iter();
                let fits = given.iter().all(|name| expected.any(|column| column == name));
                assert!(fits, "{} on {:?}: {given:?} in {order:?}", table.name, host.platform);
                assert_eq!(row.into_values(&table.columns).len(), order.len());
            }
        }
    }
}

#[test]
fn the_same_host_has_the_same_rows_and_another_one_others() {
    for table in of_platform(Platform::Linux) {
        let make = |seed, index| rows(&Host::new(seed, index, &CURRENT), &table);
        assert_eq!(make(5, 0), make(5, 0), "{}", table.name);
    }
    let table =
        of_platform(Platform::Linux).into_iter().find(|table| table.name == "processes").expect("processes");
    assert_ne!(rows(&Host::new(5, 0, &CURRENT), &table), rows(&Host::new(6, 0, &CURRENT), &table));
}

#[test]
fn only_tables_that_do_not_fit_the_host_are_empty() {
    for host in hosts() {
        for table in of_platform(host.platform) {
            let may_be_empty = match table.name {
                "deb_packages" => host.os.packaging != Packaging::Deb,
                "rpm_packages" => host.os.packaging != Packaging::Rpm,
                "chrome_extensions" | "crontab" | "startup_items" | "homebrew_packages" => {
                    host.platform != Platform::Linux || table.name == "chrome_extensions"
                }
                _ => false,
            };
            let empty = rows(&host, &table).is_empty();
            assert!(!empty || may_be_empty, "{} of {}", table.name, host.hostname);
        }
    }
}

#[test]
fn platforms_have_their_own_tables_and_columns() {
    let names = |platform| of_platform(platform).into_iter().map(|table| table.name).collect::<Vec<_>>();
    assert!(names(Platform::Linux).contains(&"rpm_packages"));
    assert!(!names(Platform::Darwin).contains(&"rpm_packages"));
    assert!(!names(Platform::Windows).contains(&"crontab"));
    assert!(names(Platform::Windows).contains(&"programs"));
    let columns = |platform, name: &str| {
        let table = of_platform(platform).into_iter().find(|table| table.name == name).expect(name);
        table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(" ")
    };
    let common = "uid gid uid_signed gid_signed username description directory shell uuid";
    assert_eq!(columns(Platform::Linux, "users"), common);
    assert_eq!(columns(Platform::Darwin, "users"), format!("{common} is_hidden"));
    assert_eq!(columns(Platform::Windows, "users"), format!("{common} type"));
    assert_eq!(
        columns(Platform::Windows, "os_version"),
        "name version major minor patch build platform platform_like codename arch install_date revision"
    );
    let counts = Platform::ALL.map(|platform| names(platform).len());
    assert_eq!(counts, [25, 25, 24]);
}

#[test]
fn listening_ports_belong_to_running_processes() {
    for host in hosts() {
        let pids = |rows: Vec<Row>| rows.into_iter().map(|row| row.0[0].1.clone()).collect::<Vec<_>>();
        let running = pids(processes::processes(&host, NOW));
        assert!(pids(processes::listening_ports(&host, NOW)).iter().all(|pid| running.contains(pid)));
        let agent = processes::agent(&host);
        assert!(
            running.contains(&Value::Integer(agent.worker))
                && running.contains(&Value::Integer(agent.watcher))
        );
        assert_ne!(agent.worker, agent.watcher);
    }
}
