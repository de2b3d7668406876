//! Accounts, their groups, and who is logged in.

use crate::clock::Timestamp;

use super::super::catalog::PEOPLE;
use super::super::host::{Host, Platform};
use super::Row;

/// An account of a host.
pub(super) struct Account {
    pub(super) name: &'static str,
    pub(super) uid: i64,
    pub(super) gid: i64,
    description: String,
    directory: String,
    shell: &'static str,
    is_person: bool,
}

/// The accounts of a host: the system's, the main person's, and those of up to three others.
pub(super) fn accounts(host: &Host) -> Vec<Account> {
    let system = system_accounts(host.platform).iter().map(|(name, uid, gid, directory, shell)| Account {
        name,
        uid: *uid,
        gid: *gid,
        description: (*name).to_owned(),
        directory: (*directory).to_owned(),
        shell,
        is_person: false,
    });
    let people = people(host);
    system.chain(people).collect()
}

/// The people with an account, the main one first.
fn people(host: &Host) -> impl Iterator<Item = Account> {
    let mut draw = host.draw("accounts");
    let mut names = vec![host.person];
    for _ in 0..draw.between(0, 4) {
        let name = *draw.pick(&PEOPLE);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let (first, gid, shell) = match host.platform {
        Platform::Linux => (1000, None, "/bin/bash"),
        Platform::Darwin => (501, Some(20), "/bin/zsh"),
        Platform::Windows => (1001, Some(545), "C:\\Windows\\system32\\cmd.exe"),
    };
    (first..).zip(names).map(move |(uid, name)| Account {
        name,
        uid,
        gid: gid.unwrap_or(uid),
        description: format!("{}{} Example", name[..1].to_uppercase(), &name[1..]),
        directory: host.home(name),
        shell,
        is_person: true,
    })
}

/// The accounts.
pub(super) fn users(host: &Host, _: Timestamp) -> Vec<Row> {
    accounts(host).into_iter().map(|account| user(host, account)).collect()
}

/// The row of an account.
fn user(host: &Host, account: Account) -> Row {
    let uuid = match host.platform {
        Platform::Linux => String::new(),
        Platform::Darwin => host.draw(account.name).uuid().to_uppercase(),
        Platform::Windows => sid(host, account.uid),
    };
    let row = Row::new()
        .int("uid", account.uid)
        .int("gid", account.gid)
        .int("uid_signed", account.uid)
        .int("gid_signed", account.gid)
        .text("username", account.name)
        .text("description", account.description)
        .text("directory", account.directory)
        .text("shell", account.shell)
        .text("uuid", uuid);
    match host.platform {
        Platform::Linux => row,
        Platform::Darwin => row.int("is_hidden", i64::from(account.name.starts_with('_'))),
        Platform::Windows => row.text("type", if account.uid < 100 { "special" } else { "local" }),
    }
}

/// The groups: the system's, and on Linux one for each person.
pub(super) fn groups(host: &Host, _: Timestamp) -> Vec<Row> {
    let own =
        accounts(host).into_iter().filter(|account| account.is_person && host.platform == Platform::Linux);
    let own = own.map(|account| (account.name, account.gid)).collect::<Vec<_>>();
    let known = system_groups(host.platform).iter().copied();
    known.chain(own).map(|(name, gid)| group(host, name, gid)).collect()
}

/// The row of a group.
fn group(host: &Host, name: &str, gid: i64) -> Row {
    let row = Row::new().int("gid", gid).int("gid_signed", gid).text("groupname", name);
    match host.platform {
        Platform::Linux => row,
        Platform::Darwin => row.int("is_hidden", i64::from(name.starts_with('_'))),
        Platform::Windows => row.text("group_sid", format!("S-1-5-32-{gid}")).text("comment", ""),
    }
}

/// Who is in which group: each account in its own, the main person among the administrators.
pub(super) fn user_groups(host: &Host, _: Timestamp) -> Vec<Row> {
    let administrators = match host.platform {
        Platform::Linux => 27,
        Platform::Darwin => 80,
        Platform::Windows => 544,
    };
    let own = accounts(host).into_iter().flat_map(|account| {
        let extra = (account.name == host.person).then_some((account.uid, administrators));
        [Some((account.uid, account.gid)), extra].into_iter().flatten()
    });
    own.map(|(uid, gid)| Row::new().int("uid", uid).int("gid", gid)).collect()
}

/// Who is logged in: the main person.
pub(super) fn logged_in_users(host: &Host, now: Timestamp) -> Vec<Row> {
    let (kind, tty, from) = match host.platform {
        Platform::Linux => ("user", "pts/0", "10.0.0.5"),
        Platform::Darwin => ("user", "console", ""),
        Platform::Windows => ("active", "Console", ""),
    };
    let uid = accounts(host).iter().find(|account| account.is_person).map_or(0, |account| account.uid);
    let row = Row::new()
        .text("type", kind)
        .text("user", host.person)
        .text("tty", tty)
        .text("host", from)
        .int("time", host.started(now) + 80)
        .int("pid", if host.platform == Platform::Windows { -1 } else { 1_234 });
    vec![match host.platform {
        Platform::Windows => {
            row.text("sid", sid(host, uid)).text("registry_hive", format!("HKEY_USERS\\{}", sid(host, uid)))
        }
        Platform::Linux | Platform::Darwin => row,
    }]
}

/// The security identifier of a Windows account.
fn sid(host: &Host, uid: i64) -> String {
    if uid < 100 {
        return format!("S-1-5-{uid}");
    }
    let mut draw = host.draw("sid");
    let mut part = || draw.between(1_000_000_000, 4_000_000_000);
    format!("S-1-5-21-{}-{}-{}-{uid}", part(), part(), part())
}

/// Accounts every system has: name, uid, gid, directory, shell.
type SystemAccount = (&'static str, i64, i64, &'static str, &'static str);

/// The accounts that come with a platform.
fn system_accounts(platform: Platform) -> &'static [SystemAccount] {
    match platform {
        Platform::Linux => &[
            ("root", 0, 0, "/root", "/bin/bash"),
            ("daemon", 1, 1, "/usr/sbin", "/usr/sbin/nologin"),
            ("bin", 2, 2, "/bin", "/usr/sbin/nologin"),
            ("sys", 3, 3, "/dev", "/usr/sbin/nologin"),
            ("mail", 8, 8, "/var/mail", "/usr/sbin/nologin"),
            ("www-data", 33, 33, "/var/www", "/usr/sbin/nologin"),
            ("sshd", 105, 65_534, "/run/sshd", "/usr/sbin/nologin"),
            ("nobody", 65_534, 65_534, "/nonexistent", "/usr/sbin/nologin"),
        ],
        Platform::Darwin => &[
            ("nobody", -2, -2, "/var/empty", "/usr/bin/false"),
            ("root", 0, 0, "/var/root", "/bin/sh"),
            ("daemon", 1, 1, "/var/root", "/usr/bin/false"),
            ("_spotlight", 89, 89, "/var/empty", "/usr/bin/false"),
            ("_windowserver", 88, 88, "/var/empty", "/usr/bin/false"),
            ("_mdnsresponder", 65, 65, "/var/empty", "/usr/bin/false"),
        ],
        Platform::Windows => &[
            ("Administrator", 500, 544, "", "C:\\Windows\\system32\\cmd.exe"),
            ("Guest", 501, 546, "", "C:\\Windows\\system32\\cmd.exe"),
            (
                "SYSTEM",
                18,
                18,
                "%systemroot%\\system32\\config\\systemprofile",
                "C:\\Windows\\system32\\cmd.exe",
            ),
            (
                "LOCAL SERVICE",
                19,
                19,
                "%systemroot%\\ServiceProfiles\\LocalService",
                "C:\\Windows\\system32\\cmd.exe",
            ),
        ],
    }
}

/// The groups that come with a platform: name and gid.
fn system_groups(platform: Platform) -> &'static [(&'static str, i64)] {
    match platform {
        Platform::Linux => &[
            ("root", 0),
            ("daemon", 1),
            ("adm", 4),
            ("mail", 8),
            ("sudo", 27),
            ("www-data", 33),
            ("docker", 998),
            ("nogroup", 65_534),
        ],
        Platform::Darwin => &[("nobody", -2), ("wheel", 0), ("staff", 20), ("admin", 80), ("_spotlight", 89)],
        Platform::Windows => {
            &[("Administrators", 544), ("Users", 545), ("Guests", 546), ("Remote Desktop Users", 555)]
        }
    }
}
