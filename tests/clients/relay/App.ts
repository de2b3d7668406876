// What a Relay client asks for: pages that go on, objects that are read again, edges that are inserted and deleted.

import { graphql } from 'react-relay';

graphql`
  query AppQuery($host: ID!) {
    viewer {
      actor {
        displayName
      }
    }
    host(by: { id: $host }) {
      ...App_host
    }
    ...App_hosts
    ...App_savedQueries
  }
`;

graphql`
  fragment App_hosts on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" }, filter: { type: "HostFilter" })
  @refetchable(queryName: "AppHostsPageQuery") {
    hosts(first: $count, after: $cursor, filter: $filter) @connection(key: "App_hosts") {
      edges {
        node {
          hostname
          status
        }
      }
      totalCount
    }
  }
`;

graphql`
  fragment App_host on Host
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "AppHostPageQuery") {
    team {
      name
    }
    answers(first: $count, after: $cursor) @connection(key: "App_host_answers") {
      edges {
        node {
          state
          campaign {
            sql
          }
        }
      }
    }
  }
`;

graphql`
  fragment App_savedQueries on Query {
    savedQueries(first: 100) @connection(key: "App_savedQueries") {
      __id
      edges {
        node {
          name
          sql
        }
      }
    }
  }
`;

graphql`
  mutation AppCreateSavedQueryMutation($input: CreateSavedQueryInput!, $connections: [ID!]!) {
    createSavedQuery(input: $input) {
      savedQueryEdge @prependEdge(connections: $connections) {
        node {
          name
        }
      }
      userErrors {
        message
        path
      }
    }
  }
`;

graphql`
  mutation AppStartCampaignMutation($input: StartCampaignInput!, $connections: [ID!]!) {
    startCampaign(input: $input) {
      campaignEdge @prependEdge(connections: $connections) {
        node {
          status
        }
      }
      userErrors {
        message
        ... on SqlError {
          line
        }
      }
    }
  }
`;

graphql`
  mutation AppCreateTeamMutation($input: CreateTeamInput!, $connections: [ID!]!) {
    createTeam(input: $input) {
      teamEdge @appendEdge(connections: $connections) {
        node {
          name
        }
      }
    }
  }
`;

graphql`
  mutation AppDeleteSavedQueryMutation($input: DeleteSavedQueryInput!, $connections: [ID!]!) {
    deleteSavedQuery(input: $input) {
      deletedSavedQueryId @deleteRecord @deleteEdge(connections: $connections)
    }
  }
`;

graphql`
  mutation AppDeleteHostsMutation($input: DeleteHostsInput!) {
    deleteHosts(input: $input) {
      deletedHostIds @deleteRecord
    }
  }
`;

graphql`
  mutation AppRevokeEnrollSecretMutation($input: RevokeEnrollSecretInput!, $connections: [ID!]!) {
    revokeEnrollSecret(input: $input) {
      revokedEnrollSecretId @deleteEdge(connections: $connections)
    }
  }
`;

graphql`
  subscription AppEventsSubscription($id: ID!, $after: String) {
    campaignEvents(campaignId: $id, after: $after) {
      endCursor
      totals {
        responded
        targeted
      }
      events {
        __typename
        ... on CampaignHostRows {
          hostname
          rows
        }
        ... on CampaignHostError {
          hostname
          message
        }
      }
    }
  }
`;
