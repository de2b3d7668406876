//! Who may use a root field: `@requiresRole`, from the policy.
//!
//! It is documentation for those who write clients. The core decides, for each object, by the same policy.

use async_graphql::registry::{MetaDirective, MetaDirectiveInvocation};
use async_graphql::{InputType, Value};

use super::{definition, invocation};
use crate::graphql::model::user::Role as Shown;
use crate::policy::{Action, Role};

/// Whom a root field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Everybody, signed in or not.
    Nothing,
    /// Whoever has signed in.
    SignIn,
    /// Those whose role allows this, somewhere.
    Role(Action),
}

use Needs::{Nothing, SignIn};

/// Every field of the roots, in the order of the alphabet: `Needs::Role` of the least action that its verb asks for.
const ROOTS: &[(&str, &str, Needs)] = &[
    ("Query", "activities", Needs::Role(Action::ReadActivities)),
    ("Query", "apiTokens", Needs::Role(Action::ManageUsers)),
    ("Query", "campaigns", Needs::Role(Action::ReadCampaigns)),
    ("Query", "destinations", Needs::Role(Action::ReadDestinations)),
    ("Query", "enrollSecrets", Needs::Role(Action::ManageEnrollSecrets)),
    ("Query", "export", Needs::Role(Action::ReadSavedQueries)),
    ("Query", "host", Needs::Role(Action::ReadHosts)),
    ("Query", "hostCounts", Needs::Role(Action::ReadHosts)),
    ("Query", "hosts", Needs::Role(Action::ReadHosts)),
    ("Query", "invitations", Needs::Role(Action::ManageUsers)),
    ("Query", "labels", Needs::Role(Action::ReadHosts)),
    ("Query", "node", SignIn),
    ("Query", "nodes", SignIn),
    ("Query", "osqueryConfig", Needs::Role(Action::ReadConfiguration)),
    ("Query", "osqueryConfigLayer", Needs::Role(Action::ReadConfiguration)),
    ("Query", "osqueryConfigLayers", Needs::Role(Action::ReadConfiguration)),
    ("Query", "packs", Needs::Role(Action::ReadSavedQueries)),
    ("Query", "policies", Needs::Role(Action::ReadPolicies)),
    ("Query", "previewTargets", Needs::Role(Action::RunObserverQueries)),
    ("Query", "savedQueries", Needs::Role(Action::ReadSavedQueries)),
    ("Query", "settings", Needs::Role(Action::ReadSettings)),
    ("Query", "teams", Needs::Role(Action::ReadTeams)),
    ("Query", "users", Needs::Role(Action::ReadUsers)),
    ("Query", "viewer", Nothing),
    ("Mutation", "acceptInvitation", Nothing),
    ("Mutation", "addHostsToLabel", Needs::Role(Action::ManageHosts)),
    ("Mutation", "changePassword", SignIn),
    ("Mutation", "createApiToken", SignIn),
    ("Mutation", "createDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "createEnrollSecret", Needs::Role(Action::ManageEnrollSecrets)),
    ("Mutation", "createInvitation", Needs::Role(Action::ManageUsers)),
    ("Mutation", "createLabel", Needs::Role(Action::ManageLabels)),
    ("Mutation", "createPack", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "createPasswordReset", Needs::Role(Action::ManageUsers)),
    ("Mutation", "createPolicy", Needs::Role(Action::ManagePolicies)),
    ("Mutation", "createSavedQuery", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "createTeam", Needs::Role(Action::ManageTeams)),
    ("Mutation", "createUser", Needs::Role(Action::ManageUsers)),
    ("Mutation", "deleteDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "deleteHosts", Needs::Role(Action::ManageHosts)),
    ("Mutation", "deleteLabel", Needs::Role(Action::ManageLabels)),
    ("Mutation", "deleteOsqueryConfigLayer", Needs::Role(Action::ManageConfiguration)),
    ("Mutation", "deletePack", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "deletePolicy", Needs::Role(Action::ManagePolicies)),
    ("Mutation", "deleteSavedQuery", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "deleteTeam", Needs::Role(Action::ManageTeams)),
    ("Mutation", "deleteUser", Needs::Role(Action::ManageUsers)),
    ("Mutation", "importDocuments", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "login", Nothing),
    ("Mutation", "logout", SignIn),
    ("Mutation", "pauseDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "refetchHost", Needs::Role(Action::RefetchHosts)),
    ("Mutation", "refetchHosts", Needs::Role(Action::RefetchHosts)),
    ("Mutation", "refreshSession", Nothing),
    ("Mutation", "removeHostsFromLabel", Needs::Role(Action::ManageHosts)),
    ("Mutation", "removeTeamRole", Needs::Role(Action::ManageUsers)),
    ("Mutation", "replayDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "resetPassword", Nothing),
    ("Mutation", "resumeDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "revokeApiToken", SignIn),
    ("Mutation", "revokeEnrollSecret", Needs::Role(Action::ManageEnrollSecrets)),
    ("Mutation", "revokeInvitation", Needs::Role(Action::ManageUsers)),
    ("Mutation", "revokeSession", SignIn),
    ("Mutation", "rotateEnrollSecret", Needs::Role(Action::ManageEnrollSecrets)),
    ("Mutation", "rotateSigningKey", Needs::Role(Action::ManageSettings)),
    ("Mutation", "saveOsqueryConfigLayer", Needs::Role(Action::ManageConfiguration)),
    ("Mutation", "setTeamRole", Needs::Role(Action::ManageUsers)),
    ("Mutation", "setup", Nothing),
    ("Mutation", "startCampaign", Needs::Role(Action::RunObserverQueries)),
    ("Mutation", "stopCampaign", Needs::Role(Action::ReadCampaigns)),
    ("Mutation", "testDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "transferHosts", Needs::Role(Action::ManageHosts)),
    ("Mutation", "updateDestination", Needs::Role(Action::ManageDestinations)),
    ("Mutation", "updateLabel", Needs::Role(Action::ManageLabels)),
    ("Mutation", "updatePack", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "updatePolicy", Needs::Role(Action::ManagePolicies)),
    ("Mutation", "updateSavedQuery", Needs::Role(Action::ManageSavedQueries)),
    ("Mutation", "updateSettings", Needs::Role(Action::ManageSettings)),
    ("Mutation", "updateTeam", Needs::Role(Action::ManageTeams)),
    ("Mutation", "updateUser", Needs::Role(Action::ManageUsers)),
    ("Subscription", "activityAdded", Needs::Role(Action::ReadActivities)),
    ("Subscription", "campaignChanged", Needs::Role(Action::ReadCampaigns)),
    ("Subscription", "campaignEvents", Needs::Role(Action::ReadCampaigns)),
    ("Subscription", "hostChanged", Needs::Role(Action::ReadHosts)),
    ("Subscription", "policyChanged", Needs::Role(Action::ReadHosts)),
];

/// `@requiresRole`.
pub(super) fn requires_role() -> MetaDirective {
    let description =
        "Roles that may use the field, somewhere; generated from the policy, which decides for each object.";
    definition("requiresRole", description, &[("anyOf", "[Role!]!", None)])
}

/// The directive of a root field; none for those that are open to everybody, and for fields of other types.
pub(super) fn invocation_of(parent: &str, field: &str) -> Option<MetaDirectiveInvocation> {
    let (.., needs) = ROOTS.iter().find(|(root, name, _)| (*root, *name) == (parent, field))?;
    let roles = match needs {
        Nothing => return None,
        SignIn => Role::ALL,
        Needs::Role(action) => action.roles(),
    };
    let roles = roles.iter().map(|role| Shown::from(*role).to_value()).collect();
    Some(invocation("requiresRole", [("anyOf", Value::List(roles))]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::parser::types::OperationType;

    use super::*;
    use crate::graphql::precheck::types::Types;
    use crate::graphql::schema;

    #[test]
    fn every_root_field_has_a_line() {
        let types = Types::from_sdl(&schema::sdl()).expect("the library reads the SDL that it writes");
        let roots = [OperationType::Query, OperationType::Mutation, OperationType::Subscription];
        let roots = roots.into_iter().filter_map(|operation| types.root(operation));
        let of_root = |root| types.field_names(root).map(move |field| format!("{root}.{field}"));
        let fields: BTreeSet<_> = roots.flat_map(of_root).collect();
        let listed: BTreeSet<_> = ROOTS.iter().map(|(root, field, _)| format!("{root}.{field}")).collect();
        let missing: Vec<_> = fields.difference(&listed).collect();
        assert!(
            missing.is_empty(),
            "add to ROOTS in src/graphql/directives/roles.rs, and to FIELDS in tests/it/access.rs: {missing:?}"
        );
        let gone: Vec<_> = listed.difference(&fields).collect();
        assert!(gone.is_empty(), "take out of ROOTS in src/graphql/directives/roles.rs: {gone:?}");
    }
}
