//! The policy, as a table for people and as laws for any roles.

use std::collections::BTreeMap;

use entity::id::{ApiTokenId, HostId, PublicId, SessionId, UserId};
use proptest::prelude::*;

use super::*;

const OWN: TeamId = TeamId(1);
const OTHER: TeamId = TeamId(2);

fn user(roles: Roles) -> Actor {
    Actor::User(UserActor {
        id: UserId(1),
        public_id: PublicId::new("usr", 1),
        name: "Ada".into(),
        credential: Credential::Session(SessionId(1)),
        roles,
        source: None,
        signed_by: None,
    })
}

fn globally(role: Role) -> Roles {
    Roles { global: Some(role), teams: BTreeMap::new() }
}

fn in_team(role: Role) -> Roles {
    Roles { global: None, teams: [(OWN, role)].into() }
}

/// Where it is allowed: in the actor's own team, another team, no team.
fn cell(roles: Roles, action: Action) -> String {
    let actor = user(roles);
    let places = [("own", OWN), ("other", OTHER), ("none", TeamId::NONE)];
    let allowed = places.into_iter().filter(|(_, team)| allow(&actor, action, Some(*team)).is_ok());
    match allowed.map(|(name, _)| name).collect::<Vec<_>>().join("+") {
        nowhere if nowhere.is_empty() => "-".into(),
        all if all == "own+other+none" => "everywhere".into(),
        some => some,
    }
}

fn matrix(roles: fn(Role) -> Roles) -> String {
    let mut lines = vec![format!("{:<20}", "")];
    lines[0].extend(Role::ALL.iter().map(|role| format!("{:<15}", role.as_str())));
    for action in Action::ALL {
        let cells = Role::ALL.iter().map(|role| format!("{:<15}", cell(roles(*role), *action)));
        lines.push(format!("{:<20}", format!("{action:?}")) + &cells.collect::<String>());
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_global_role() {
    insta::assert_snapshot!(matrix(globally), @r"
                        observer       observer_plus  maintainer     admin          gitops
    ReadHosts           everywhere     everywhere     everywhere     everywhere     -
    ManageHosts         -              -              everywhere     everywhere     -
    RefetchHosts        -              everywhere     everywhere     everywhere     -
    ReadTeams           everywhere     everywhere     everywhere     everywhere     everywhere
    ManageTeams         -              -              -              everywhere     -
    ManageEnrollSecrets -              -              -              everywhere     -
    ReadUsers           -              -              -              everywhere     -
    ManageUsers         -              -              -              everywhere     -
    ReadSavedQueries    everywhere     everywhere     everywhere     everywhere     everywhere
    ManageSavedQueries  -              -              everywhere     everywhere     everywhere
    ManageLabels        -              -              everywhere     everywhere     everywhere
    ReadPolicies        everywhere     everywhere     everywhere     everywhere     everywhere
    ManagePolicies      -              -              everywhere     everywhere     everywhere
    ReadConfiguration   everywhere     everywhere     everywhere     everywhere     everywhere
    ManageConfiguration -              -              everywhere     everywhere     everywhere
    ReadCampaigns       everywhere     everywhere     everywhere     everywhere     -
    RunObserverQueries  everywhere     everywhere     everywhere     everywhere     -
    RunAnySql           -              everywhere     everywhere     everywhere     -
    RunRestrictedSql    -              -              everywhere     everywhere     -
    RunOnMany           -              -              -              everywhere     -
    StopAnyCampaign     -              -              everywhere     everywhere     -
    ReadSettings        everywhere     everywhere     everywhere     everywhere     everywhere
    ManageSettings      -              -              -              everywhere     -
    ReadActivities      -              -              -              everywhere     -
    ReadDestinations    -              -              -              everywhere     -
    ManageDestinations  -              -              -              everywhere     -
    ");
}

#[test]
fn a_role_in_one_team() {
    insta::assert_snapshot!(matrix(in_team), @r"
                        observer       observer_plus  maintainer     admin          gitops
    ReadHosts           own            own            own            own            -
    ManageHosts         -              -              own            own            -
    RefetchHosts        -              own            own            own            -
    ReadTeams           own            own            own            own            own
    ManageTeams         -              -              -              own            -
    ManageEnrollSecrets -              -              -              own            -
    ReadUsers           -              -              -              own            -
    ManageUsers         -              -              -              own            -
    ReadSavedQueries    own            own            own            own            own
    ManageSavedQueries  -              -              own            own            own
    ManageLabels        -              -              own            own            own
    ReadPolicies        own            own            own            own            own
    ManagePolicies      -              -              own            own            own
    ReadConfiguration   own            own            own            own            own
    ManageConfiguration -              -              own            own            own
    ReadCampaigns       own            own            own            own            -
    RunObserverQueries  own            own            own            own            -
    RunAnySql           -              own            own            own            -
    RunRestrictedSql    -              -              own            own            -
    RunOnMany           -              -              -              own            -
    StopAnyCampaign     -              -              own            own            -
    ReadSettings        own            own            own            own            own
    ManageSettings      -              -              -              own            -
    ReadActivities      -              -              -              own            -
    ReadDestinations    -              -              -              own            -
    ManageDestinations  -              -              -              own            -
    ");
}

#[test]
fn each_role_up_to_admin_may_all_that_the_weaker_one_may() {
    for action in Action::ALL {
        for pair in [Role::Observer, Role::ObserverPlus, Role::Maintainer, Role::Admin].windows(2) {
            let may = |role| action.roles().contains(&role);
            assert!(!may(pair[0]) || may(pair[1]), "{action:?}: {} but not {}", pair[0], pair[1]);
        }
    }
}

#[test]
fn those_without_roles() {
    for action in Action::ALL {
        for team in [None, Some(OWN), Some(TeamId::NONE)] {
            assert_eq!(allow(&Actor::Anonymous, *action, team), Err(Denied::Unauthenticated));
            assert_eq!(allow(&Actor::Host(HostId(1)), *action, team), Err(Denied::Forbidden));
            assert_eq!(allow(&user(Roles::default()), *action, team), Err(Denied::Forbidden));
        }
        assert_eq!(allow(&Actor::System, *action, None), Ok(Scope::system()));
    }
}

#[test]
fn every_action_is_listed_once() {
    let mut listed = Action::ALL.to_vec();
    assert!(listed.is_sorted(), "in the order of the declaration");
    listed.dedup();
    assert_eq!(listed.len(), Action::ALL.len());
    assert_eq!(listed.last(), Some(&Action::ManageDestinations), "the last of the declaration");
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL)
}

fn roles() -> impl Strategy<Value = Roles> {
    let teams = prop::collection::btree_map((1..6_i64).prop_map(TeamId), role(), 0..4);
    (prop::option::of(role()), teams).prop_map(|(global, teams)| Roles { global, teams })
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(Action::ALL)
}

proptest! {
    #[test]
    fn a_place_is_allowed_exactly_when_it_is_in_the_scope_of_everywhere(
        roles in roles(), action in action(), team in (0..8_i64).prop_map(TeamId),
    ) {
        let actor = user(roles);
        let everywhere = allow(&actor, action, None);
        let here = allow(&actor, action, Some(team));
        prop_assert_eq!(here.is_ok(), everywhere.is_ok_and(|scope| scope.includes(team)));
        if let Ok(scope) = here {
            prop_assert_eq!(scope.teams(), &Teams::Only([team].into()));
        }
    }

    #[test]
    fn without_a_global_role_only_the_teams_of_fitting_roles_are_in_scope(
        roles in roles(), action in action(), team in (0..8_i64).prop_map(TeamId),
    ) {
        let roles = Roles { global: None, ..roles };
        let fits = roles.teams.get(&team).is_some_and(|role| action.roles().contains(role));
        prop_assert_eq!(allow(&user(roles), action, Some(team)).is_ok(), fits);
    }

    #[test]
    fn a_further_role_takes_nothing_away(
        roles in roles(), action in action(), team in (0..8_i64).prop_map(TeamId), further in role(),
    ) {
        let before = allow(&user(roles.clone()), action, Some(team)).is_ok();
        let mut more = roles.clone();
        more.teams.entry(TeamId(7)).or_insert(further);
        prop_assert!(!before || allow(&user(more), action, Some(team)).is_ok());
        let global = Roles { global: roles.global.or(Some(further)), ..roles };
        prop_assert!(!before || allow(&user(global), action, Some(team)).is_ok());
    }

    #[test]
    fn either_of_two_permissions_holds_where_one_does(
        roles in roles(), one in action(), other in action(), team in (0..8_i64).prop_map(TeamId),
    ) {
        let actor = user(roles);
        let both = either(allow(&actor, one, None), allow(&actor, other, None));
        let here = allow(&actor, one, Some(team)).is_ok() || allow(&actor, other, Some(team)).is_ok();
        prop_assert_eq!(both.is_ok_and(|scope| scope.includes(team)), here);
    }

    #[test]
    fn no_scope_is_empty(roles in roles(), action in action(), team in prop::option::of((0..8_i64).prop_map(TeamId))) {
        if let Ok(scope) = allow(&user(roles), action, team) {
            prop_assert_ne!(scope.teams(), &Teams::Only(BTreeSet::new()));
        }
    }
}

/// A user of these roles who came with a token.
fn by_token(roles: Roles, scope: TokenScope, team: Option<TeamId>) -> Actor {
    let token = TokenActor {
        id: ApiTokenId(1),
        public_id: PublicId::new("tok", 1),
        name: "ci".to_owned(),
        scope,
        team,
    };
    Actor::User(UserActor {
        id: UserId(1),
        public_id: PublicId::new("usr", 1),
        name: "Ada".to_owned(),
        credential: Credential::ApiToken(Box::new(token)),
        roles,
        source: None,
        signed_by: None,
    })
}

#[test]
fn a_token_narrows_its_user_and_never_widens() {
    let (one, two) = (TeamId(1), TeamId(2));
    for role in Role::ALL {
        let global = Roles { global: Some(*role), teams: [].into() };
        let in_one = Roles { global: None, teams: [(one, *role)].into() };
        for (roles, action, scope) in [global, in_one].iter().flat_map(|roles| {
            Action::ALL
                .iter()
                .flat_map(move |action| TokenScope::ALL.iter().map(move |scope| (roles, *action, *scope)))
        }) {
            let whole = by_token(roles.clone(), TokenScope::Admin, None);
            let token = by_token(roles.clone(), scope, None);
            let may = allow(&whole, action, None);
            let expected = if scope >= action.token_scope() { may.clone() } else { Err(Denied::Forbidden) };
            assert_eq!(allow(&token, action, None), expected, "{roles:?} {action:?} {scope:?}");
            for team in [one, two] {
                let bound = by_token(roles.clone(), scope, Some(team));
                let expected = allow(&token, action, Some(team));
                assert_eq!(allow(&bound, action, None), expected, "{roles:?} {action:?} {scope:?} {team}");
                assert!(allow(&bound, action, Some(TeamId::NONE)).is_err());
            }
        }
    }
}

#[test]
fn a_token_that_is_less_than_its_user_touches_no_account() {
    let whole = |scope, team| match by_token(Roles::default(), scope, team) {
        Actor::User(user) => user.credential.is_whole(),
        _ => false,
    };
    assert!(whole(TokenScope::Admin, None));
    assert!(!whole(TokenScope::Admin, Some(TeamId(1))) && !whole(TokenScope::Manage, None));
}
